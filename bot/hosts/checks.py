"""The check run of a head on GitHub: begun when a review begins, ended with what came of it.

Only an App may write one. A head has one check run of ours, found by its name.
https://docs.github.com/rest/checks/runs
"""

from typing import Any

from bot.hosts.rest import Rest
from bot.saying.check_text import CheckText

NAME = "Postil"


class Checks:
    """The check runs of one repository. Every method may raise HostingError."""

    def __init__(self, rest: Rest, repo: str) -> None:
        self._rest = rest
        self._repo = repo

    def begin(self, head_sha: str) -> None:
        """Show that a review is under way; nothing where one is shown already."""
        if self._find(head_sha) is None:
            self._send(head_sha, {"status": "in_progress"})

    def end(self, head_sha: str, text: CheckText) -> None:
        """Show what came of it."""
        output: dict[str, Any] = {"title": text.title, "summary": text.summary}
        if text.annotations:
            output["annotations"] = list(text.annotations)
        ended = {"status": "completed", "conclusion": text.conclusion, "output": output}
        self._send(head_sha, ended)

    def _send(self, head_sha: str, fields: dict[str, Any]) -> None:
        known = self._find(head_sha)
        if known is None:
            body = {"name": NAME, "head_sha": head_sha, **fields}
            self._rest.call("POST", f"/repos/{self._repo}/check-runs", body)
        else:
            self._rest.call("PATCH", f"/repos/{self._repo}/check-runs/{known}", fields)

    def _find(self, head_sha: str) -> int | None:
        path = f"/repos/{self._repo}/commits/{head_sha}/check-runs?check_name={NAME}&filter=latest"
        found = self._rest.call("GET", path).get("check_runs", [])
        return int(found[0]["id"]) if found else None
