"""`postil serve` with a stub reviewer, as a process of its own that tests may kill.

    python -m tests.bot.stub_server HOME PORT API_URL [FORGE]

While HOME/loading exists the reviewer is not ready, as a large model is not for a while. Where
HOME/child exists every review asks a model in a child process first, as a real one does. While
HOME/hold exists a review that is drafted is not posted, and HOME/holding says so.
"""

import os
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from bot.hosts import PullHead, ReviewText
from bot.model.process import ModelProcess
from bot.server import serve
from bot.work.steps import Reviewer
from postil.records import Draft, PostedComment
from postil.settings import ReviewSettings, ServerSettings, Settings
from tests.bot.stub_model import stub_info
from tests.bot.stub_reviewer import StubReviewer


def held_back(thinks: Reviewer, home: Path) -> Reviewer:
    """The same reviewer, which waits between draft and post while it is told to."""

    def say(
        head: PullHead, diff: str, draft: Draft, earlier: Sequence[PostedComment]
    ) -> ReviewText | None:
        while (home / "hold").exists():
            (home / "holding").touch()
            time.sleep(0.05)
        return thinks.say(head, diff, draft, earlier)

    return replace(thinks, say=say)


def with_child(thinks: Reviewer) -> Reviewer:
    """The same reviewer, behind a model process that it waits for."""
    rules = {"rule:sum": "Sum what?"}
    child = ModelProcess(stub_info(), "tests.bot.stub_model:load", lambda: rules, os.environ)

    def ask(head: PullHead, diff: str) -> Draft:
        child.score([diff])
        return thinks.review(head, diff)

    return replace(thinks, review=ask, close=child.close)


def main() -> None:
    """Serve until killed or told to stop."""
    home, port, api_url = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    forge: Literal["github", "forgejo"] = "forgejo" if "forgejo" in sys.argv[4:] else "github"
    settings = Settings(
        review=ReviewSettings(mode="comment"),
        server=ServerSettings(port=port, api_url=api_url, forge=forge),
    )

    def load(key: bytes) -> Reviewer:
        while (home / "loading").exists():
            time.sleep(0.05)
        thinks = held_back(StubReviewer(key).reviewer(), home)
        return with_child(thinks) if (home / "child").exists() else thinks

    serve(settings, home, os.environ, load)


if __name__ == "__main__":
    main()
