"""A real Forgejo tells our server of pull requests; it reviews there, though killed before."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.bot.server_process import StubProcess, wait_for
from tests.e2e.forgejo_work import API, REPO, Work, hooked, is_done, numbered, states
from tests.e2e.test_forgejo_host import server
from tests.forgejo import Forgejo

__all__ = ["server"]

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]

WAIT_S = 90


@pytest.fixture
def door(server: Forgejo, tmp_path: Path) -> Iterator[StubProcess]:
    """Our server, and a webhook that tells it of pull requests and comments."""
    token = {"FORGEJO_TOKEN": server.tokens["postil"]}
    door = StubProcess(tmp_path / "home", server.url, token)
    door.start()
    with hooked(server, door):
        yield door
    door.kill()


@pytest.fixture
def work(server: Forgejo, tmp_path: Path, request: pytest.FixtureRequest) -> Work:
    name = "".join(c for c in request.node.name if c.isalnum())[:30]
    (tmp_path / "clone").mkdir()
    return Work(server, tmp_path / "clone", name)


def reviews(server: Forgejo, number: int) -> list[dict[str, Any]]:
    """What stands there of ours."""
    found = server.call("mia", "GET", f"{API}/pulls/{number}/reviews")
    return [review for review in found if review["user"]["login"] == "postil"]


def test_a_push_is_reviewed_once_though_the_server_is_killed_before_it_posts(
    server: Forgejo,
    door: StubProcess,
    work: Work,
) -> None:
    (door.home / "hold").touch()
    work.push(numbered(l7="print(total)"))
    wait_for((door.home / "holding").exists, WAIT_S)
    assert states(door)["drafted"] == 1
    assert reviews(server, work.number) == []
    door.kill()
    (door.home / "hold").unlink()
    door.start()
    wait_for(lambda: is_done(door), WAIT_S)
    (review,) = reviews(server, work.number)
    assert review["commit_id"] == work.git("rev-parse", "HEAD")
    (comment,) = work.comments()
    assert "Is this line needed?" in comment["body"]

    work.push(numbered(l7="print(total)", l9="print(more)"))
    wait_for(lambda: len(reviews(server, work.number)) == 2 and is_done(door), WAIT_S)
    assert "Traceback" not in door.log()


def test_an_order_in_a_comment_is_answered_only_to_who_may_write(
    server: Forgejo,
    door: StubProcess,
    work: Work,
) -> None:
    """Forgejo tells only who administers a repository what somebody else may do there."""
    server.call("mia", "PUT", f"{API}/collaborators/postil", {"permission": "admin"})
    work.push(numbered(l3="print(x)"))
    wait_for(lambda: is_done(door), WAIT_S)
    comments = f"/repos/{REPO}/issues/{work.number}/comments"
    server.call("sid", "POST", comments, {"body": "/postil pause"})
    wait_for(lambda: "sid has no write access" in door.log(), WAIT_S)
    before = len(work.summaries())
    server.call("olga", "POST", comments, {"body": "/postil explain"})
    wait_for(lambda: len(work.summaries()) == before + 2, WAIT_S)
    answer = work.summaries()[-1]
    assert answer["user"]["login"] == "postil"
    assert "probability 0.90" in answer["body"]
