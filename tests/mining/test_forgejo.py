"""Forgejo's objects are read as a change; its server's faults are waited out."""

import json
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from mining.clients import Access
from mining.sources.forgejo import Forgejo, read
from postil.errors import SourceError, UsageError

Json = dict[str, Any]

AT = "2024-05-0{}T08:00:00Z"
HUNK = "@@ -1,2 +1,3 @@\n one\n-two\n+zwei"


def comment(number: int, **more: Any) -> Json:
    values = {
        "id": number,
        "body": "Please name the unit here.",
        "user": {"login": "rita"},
        "path": "a.py",
        "commit_id": "a" * 40,
        "diff_hunk": HUNK,
        "position": 2,
        "created_at": AT.format(2),
    }
    return values | more


def payload(*comments: Any, **more: Any) -> bytes:
    values: Json = {
        "type": "forgejo",
        "repo": "team/harbour",
        "pull": {
            "number": 7,
            "title": "Berth ships",
            "state": "closed",
            "user": {"login": "olga"},
            "merged_by": {"login": "mia"},
            "created_at": AT.format(1),
            "updated_at": AT.format(5),
            "closed_at": AT.format(4),
            "merged_at": AT.format(4),
            "merge_base": "b" * 40,
            "head": {"sha": "e" * 40},
        },
        "reviews": [],
        "comments": list(comments),
        "timeline": [],
        "may_push": {"rita": True},
    }
    return json.dumps(values | more).encode()


def test_comments_on_one_line_are_one_thread() -> None:
    done = comment(2, body="Done.", user={"login": "olga"}, created_at=AT.format(3))
    elsewhere = comment(3, position=0, original_position=2, diff_hunk="@@ -1,2 +1,1 @@\n one\n-two")
    first, second = read(payload(done, comment(1), elsewhere)).threads
    assert [reply.body for reply in first.replies] == ["Done."]
    assert (first.span.side, second.span.side) == ("RIGHT", "LEFT")
    assert (first.may_push, first.resolved) == (True, False)
    (resolved,) = read(payload(comment(1, resolver={"login": "olga"}))).threads
    assert resolved.resolved is True


def test_pushes_and_reviews_tell_the_revisions() -> None:
    forced = {"type": "pull_push", "body": '{"commit_ids":["x","c"]}', "created_at": AT.format(2)}
    odd = {"type": "pull_push", "body": "no JSON", "created_at": AT.format(2)}
    review = {
        "user": {"login": "rita"},
        "state": "REQUEST_CHANGES",
        "commit_id": "a" * 40,
        "submitted_at": AT.format(1),
    }
    team = review | {"user": None}
    change = read(payload(timeline=[forced, odd, None], reviews=[review, team]))
    assert [r.sha[:1] for r in change.pull.revisions] == ["a", "c", "e"]
    assert [(r.reviewer, r.vote, r.may_push) for r in change.reviews] == [("rita", -1, True)]


def test_what_cannot_be_read_is_counted() -> None:
    dropped: Counter[str] = Counter()
    assert read(payload({"id": "x"}, comment(1, diff_hunk="")), dropped).threads == ()
    assert dropped == {"malformed comment": 1, "comment on a whole file": 1}


class Faulty:
    """Answers with these statuses, then with empty lists."""

    def __init__(self, *statuses: int) -> None:
        self.left = list(statuses)
        self.paths: list[str] = []


@pytest.fixture
def faulty() -> Iterator[tuple[Faulty, str]]:
    told = Faulty()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told.paths.append(self.path)
            self.send_response(told.left.pop(0) if told.left else 200)
            self.end_headers()
            self.wfile.write(b"[]")

        def log_message(self, *ignored: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield told, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def source(address: str, waits: list[float], where: str = "team/harbour") -> Forgejo:
    return Forgejo(f"{address}/{where}", None, None, Access(), lambda _: None, waits.append)


def test_faults_and_limits_are_waited_out(faulty: tuple[Faulty, str]) -> None:
    told, address = faulty
    told.left = [502, 429, 503]
    waits: list[float] = []
    assert list(source(address, waits).fetch(None, None)) == []
    assert waits == [1.0, 60.0, 4.0]


def test_a_server_that_stays_down_is_given_up(faulty: tuple[Faulty, str]) -> None:
    told, address = faulty
    told.left = [500] * 9
    with pytest.raises(SourceError, match="cannot be asked: answered 500; try later"):
        list(source(address, []).fetch(None, None))
    assert len(told.paths) == 5


def test_a_forge_below_a_path_keeps_it(faulty: tuple[Faulty, str]) -> None:
    told, address = faulty
    below = source(address, [], "forge/team/harbour.git")
    list(below.fetch(None, None))
    assert below.repo == "team/harbour"
    assert told.paths[0].startswith("/forge/api/v1/repos/team/harbour/pulls?")


@pytest.mark.parametrize("where", ["team/harbour", "https://host/", "ftp://host/a/b"])
def test_a_place_that_is_no_repository_is_refused(where: str) -> None:
    with pytest.raises(UsageError, match="address of a repository"):
        Forgejo(where, None, None, Access())
