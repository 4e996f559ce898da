"""`postil serve` with a stub reviewer, as a process of its own that tests may kill.

    python -m tests.bot.stub_server HOME PORT API_URL

While HOME/loading exists the reviewer is not ready, as a large model is not for a while.
"""

import os
import sys
import time
from pathlib import Path

from bot.server import serve
from bot.steps import Reviewer
from postil.settings import ReviewSettings, ServerSettings, Settings
from tests.bot.stub_reviewer import StubReviewer


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
        return StubReviewer(key).reviewer()

    serve(settings, home, os.environ, load)


if __name__ == "__main__":
    main()
