"""`postil worker` with a stub reviewer, as a process of its own that tests may kill.

    python -m tests.bot.stub_worker HOME API_URL NAME

Leases are short; HOME/asked holds the names of the workers whose model was asked.
"""

import os
import sys
from pathlib import Path

from bot.hosts import PullHead
from bot.server import run_worker
from bot.work.steps import Reviewer
from postil.records import Draft
from postil.settings import ReviewSettings, ServerSettings, Settings
from tests.bot.stub_reviewer import StubReviewer, review


def main() -> None:
    """Work until killed or told to stop."""
    home, api_url, name = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    settings = Settings(
        review=ReviewSettings(mode="comment"), server=ServerSettings(api_url=api_url, lease_s=3)
    )

    def load(key: bytes) -> Reviewer:
        def noted(head: PullHead, diff: str) -> Draft:
            with (home / "asked").open("a", encoding="utf-8") as file:
                file.write(f"{name}\n")
            return review(head, diff)

        return Reviewer(review=noted, say=StubReviewer(key).reviewer().say)

    run_worker(settings, home, os.environ, load, name)


if __name__ == "__main__":
    main()
