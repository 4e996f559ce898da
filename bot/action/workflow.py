"""The workflow's run we are in: its environment, and what a step may leave behind in it.

Errors, warnings and notes are workflow commands, so that they show on the run's page; no text in
them can start another command.
"""

import secrets
from collections.abc import Mapping
from pathlib import Path

from bot.action.page import write_failure
from mining.clients import PUBLIC_API
from postil.errors import ConfigError
from postil.records import Record

RESULTS = "postil-results"
"""The folder under RUNNER_TEMP that holds the report, the SARIF file and the stored result."""


class Workflow(Record, frozen=True, kw_only=True):
    """The run we are in, by its environment. The token is never printed."""

    repo: str
    token: str
    api_url: str
    server_url: str
    event_name: str
    event: Path
    workspace: Path | None
    results: Path
    summary: Path | None
    output: Path | None

    def __repr__(self) -> str:
        return f"Workflow({self.repo!r}, {self.event_name!r})"


def read_workflow(environment: Mapping[str, str]) -> Workflow:
    """The run we are in; ConfigError naming the variable that is missing."""
    needed = ("GITHUB_EVENT_NAME", "GITHUB_EVENT_PATH", "GITHUB_REPOSITORY", "GITHUB_TOKEN")
    for name in needed:
        if not environment.get(name):
            raise ConfigError(f"{name} is not set: postil action runs inside a GitHub workflow")
    return Workflow(
        repo=environment["GITHUB_REPOSITORY"],
        token=environment["GITHUB_TOKEN"],
        api_url=(environment.get("GITHUB_API_URL") or PUBLIC_API).rstrip("/"),
        server_url=(environment.get("GITHUB_SERVER_URL") or "https://github.com").rstrip("/"),
        event_name=environment["GITHUB_EVENT_NAME"],
        event=Path(environment["GITHUB_EVENT_PATH"]),
        workspace=_path(environment, "GITHUB_WORKSPACE"),
        results=Path(environment.get("RUNNER_TEMP") or ".").absolute() / RESULTS,
        summary=_path(environment, "GITHUB_STEP_SUMMARY"),
        output=_path(environment, "GITHUB_OUTPUT"),
    )


def _path(environment: Mapping[str, str], name: str) -> Path | None:
    return Path(environment[name]) if environment.get(name) else None


def append_summary(workflow: Workflow, text: str) -> None:
    """Add markdown to the job's summary."""
    _append(workflow.summary, text.rstrip("\n") + "\n")


def report_failure(environment: Mapping[str, str], message: str) -> None:
    """Say in the summary, as far as there is one, why nothing was reviewed."""
    _append(_path(environment, "GITHUB_STEP_SUMMARY"), write_failure(message))


def append_outputs(workflow: Workflow, outputs: Mapping[str, str]) -> None:
    """Set the step's outputs; values are one line each, or ConfigError."""
    for name, value in outputs.items():
        if "\n" in value or "\r" in value:
            raise ConfigError(f"output {name} has more than one line")
    _append(workflow.output, "".join(f"{name}={value}\n" for name, value in outputs.items()))


def _append(path: Path | None, text: str) -> None:
    if path is not None:
        with path.open("a", encoding="utf-8") as file:
            file.write(text)


def error_command(message: str) -> str:
    """A line that shows an error on the run's page."""
    return f"::error title=Postil::{_escape(message)}"


def warning_command(message: str) -> str:
    """A line that shows a warning on the run's page."""
    return f"::warning title=Postil::{_escape(message)}"


def notice_command(message: str) -> str:
    """A line that shows a note on the run's page."""
    return f"::notice title=Postil::{_escape(message)}"


def _escape(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def inert(text: str) -> str:
    """A text for the log in which the runner looks for no commands, whoever wrote it."""
    word = secrets.token_hex(16)
    return f"::stop-commands::{word}\n{text}\n::{word}::"
