"""`postil serve` with a stub reviewer, as a process of its own that tests may kill.

    python -m tests.bot.stub_server HOME PORT API_URL

While HOME/loading exists the reviewer is not ready, as a large model is not for a while. Where
HOME/child exists every review asks a model in a child process first, as a real one does.
"""

import os
import sys
import time
from pathlib import Path

from bot.hosts import PullHead
from bot.model_process import ModelProcess
from bot.server import serve
from bot.steps import Reviewer
from postil.records import Draft
from postil.settings import ReviewSettings, ServerSettings, Settings
from tests.bot.stub_model import stub_info
from tests.bot.stub_reviewer import StubReviewer


def with_child(thinks: Reviewer) -> Reviewer:
    """The same reviewer, behind a model process that it waits for."""
    rules = {"rule:sum": "Sum what?"}
    child = ModelProcess(stub_info(), "tests.bot.stub_model:load", lambda: rules, os.environ)

    def ask(head: PullHead, diff: str) -> Draft:
        child.score([diff])
        return thinks.review(head, diff)

    return Reviewer(review=ask, say=thinks.say, close=child.close)


def main() -> None:
    """Serve until killed or told to stop."""
    home, port, api_url = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    settings = Settings(
        review=ReviewSettings(mode="comment"),
        server=ServerSettings(port=port, api_url=api_url),
    )

    def load(key: bytes) -> Reviewer:
        while (home / "loading").exists():
            time.sleep(0.05)
        thinks = StubReviewer(key).reviewer()
        return with_child(thinks) if (home / "child").exists() else thinks

    serve(settings, home, os.environ, load)


if __name__ == "__main__":
    main()
