"""A workflow's machine: its files, its environment, and the Action run on it."""

import json
import os
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from bot.action.inputs import Inputs
from bot.action.run import run_action
from bot.model.process import ModelProcess
from tests.bot.fake_pulls import HEAD, REPO
from tests.bot.stub_model import stub_info
from tests.github_fake import TOKEN

BASE = "0" * 40
FORBIDDEN = {"message": "Resource not accessible by integration"}


def pull_event(action: str = "opened", fork: str = REPO, **more: Any) -> dict[str, Any]:
    """An event of the small pull request."""
    pull = {
        "number": 7,
        "draft": False,
        "head": {"sha": HEAD, "repo": {"full_name": fork}},
        "base": {"sha": BASE, "repo": {"full_name": REPO}},
    }
    return {"action": action, "number": 7, "pull_request": pull | more}


def comment_event(body: str, login: str = "ada", **more: Any) -> dict[str, Any]:
    """An event of a comment on the small pull request."""
    return {
        "action": "created",
        "issue": {"number": 7, "pull_request": {"url": "https://api.github.com/x"}},
        "comment": {"body": body, "user": {"login": login, "type": "User"}},
    } | more


def run_event(head_sha: str = HEAD, fork: str = "somebody/shop", **more: Any) -> dict[str, Any]:
    """An event of a workflow's run on the small pull request that has ended."""
    run = {
        "id": 5,
        "event": "pull_request",
        "head_sha": head_sha,
        "head_branch": "name-prices",
        "head_repository": {"full_name": fork},
    }
    return {"action": "completed", "workflow_run": run | more}


class Runner:
    """A machine of its own for one job."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.workspace = folder / "work"
        self.workspace.mkdir(parents=True)
        self._url = url
        self.log: list[str] = []

    def environment(self, event: dict[str, Any], name: str = "pull_request") -> dict[str, str]:
        """What GitHub sets for an event."""
        (self.folder / "event.json").write_text(json.dumps(event))
        return {
            "GITHUB_EVENT_NAME": name,
            "GITHUB_EVENT_PATH": str(self.folder / "event.json"),
            "GITHUB_REPOSITORY": REPO,
            "GITHUB_TOKEN": TOKEN,
            "GITHUB_API_URL": self._url,
            "GITHUB_WORKSPACE": str(self.workspace),
            "GITHUB_STEP_SUMMARY": str(self.folder / "summary.md"),
            "GITHUB_OUTPUT": str(self.folder / "output"),
            "RUNNER_TEMP": str(self.folder),
        }

    def act(
        self,
        event: dict[str, Any],
        name: str = "pull_request",
        *,
        shadow: bool = False,
        actor: str = "ada",
        **inputs: Any,
    ) -> str:
        """Run the Action here, with a stub in the model's process; the last line of its log."""
        adapter = self.folder / "adapter"
        adapter.mkdir(exist_ok=True)
        (adapter / "card.json").touch()
        environment = self.environment(event, name) | {"GITHUB_ACTOR": actor}
        given = Inputs(**{"adapter": str(adapter), "mode": "comment"} | inputs)
        opened = partial(open_stub, shadow=shadow)
        self.log.clear()
        self.failed = run_action(environment, self.home, opened, given, self.log.append)
        return self.log[-1]

    def summary(self) -> str:
        """The job's summary so far."""
        return (self.folder / "summary.md").read_text()

    def outputs(self) -> dict[str, str]:
        """The step's outputs."""
        lines = (self.folder / "output").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)


def open_stub(folder: Path, *, shadow: bool = False, repo: str = "") -> ModelProcess:
    """A process that remarks on sums."""
    spec = {"rule:sum(": "Sum it elsewhere."}
    info = msgspec.structs.replace(stub_info(), shadow=shadow)
    return ModelProcess(info, "tests.bot.stub_model:load", lambda: spec, os.environ)
