"""The live source: everything that was said, in few requests."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import graphql
import msgspec
import pytest
from click.testing import CliRunner

from finetune.retraining.look import look
from mining.commands import mine, store_url
from mining.repository import open_repository
from mining.sources.archive import read as read_archive
from mining.sources.github import read
from mining.sources.github_query import (
    COMMENTS,
    PAGE,
    PULLS,
    REACTIONS,
    THREADS,
    OpenEnd,
    follow,
)
from postil.errors import SourceError
from postil.records import Change, Reaction
from postil.settings import Settings
from tests.archive_server import TOKEN, ArchiveServer, load_records
from tests.mining.archive_builder import REPO, comment, reviewed, user
from tests.mining.github_bench import Asked, Json, changes, moved
from tests.tiny_git import TinyGit

REAL = Path(__file__).parents[2] / "../shared/data/github/rest-pulls"

pytestmark = pytest.mark.usefixtures("schema")


def test_every_question_is_valid_by_githubs_schema(schema: graphql.GraphQLSchema) -> None:
    part = {"pageInfo": {"endCursor": "x", "hasNextPage": True}}
    ends = [OpenEnd(t, {"id": "1", t.field: part}) for t in (THREADS, COMMENTS, REACTIONS)]
    for query in (PULLS, follow(ends)[0]):
        assert graphql.validate(schema, graphql.parse(query)) == []


@pytest.mark.skipif(not REAL.exists(), reason="shared data is not here")
def test_real_pull_requests_read_the_same_over_graphql_as_from_an_archive() -> None:
    records = load_records(REAL)
    with ArchiveServer("bitcoin-core/secp256k1", records).serve() as server:
        found = changes(Asked(server).all())
    assert len(found) == 5
    assert sum(len(change.threads) for change in found.values()) == 17
    for key, change in found.items():
        archived = read_archive(json.dumps(records[int(key)]).encode())
        assert _without_extras(change) == _without_extras(archived)
        assert {t.resolved for t in change.threads} == {False}


def _without_extras(change: Change) -> Json:
    """Without what only GraphQL tells."""
    plain = json.loads(json.dumps(change, default=_plain))
    for part in (*plain["threads"], *plain["reviews"]):
        for name in ("resolved", "resolved_by", "hidden", "reactions", "may_push"):
            part.pop(name, None)
    assert isinstance(plain, dict)
    return plain


def _plain(value: Any) -> Any:
    if hasattr(value, "__struct_fields__"):
        return {name: getattr(value, name) for name in value.__struct_fields__}
    return str(value)


def test_pages_come_in_the_order_of_the_last_move_with_a_mark_behind_each(
    server: ArchiveServer,
) -> None:
    payloads = Asked(server).all()
    minutes = [json.loads(p.body)["graphql"]["updatedAt"] for p in payloads]
    assert minutes == sorted(minutes)
    assert [n for n, p in enumerate(payloads, 1) if p.mark] == [PAGE, 60]
    assert len(server.requests) == 2


def test_what_a_page_cuts_off_is_fetched_many_open_ends_at_once(
    records: dict[int, Json], server: ArchiveServer
) -> None:
    talk = [
        comment(5000 + n, created_at=f"2024-05-02T09:{n // 60:02}:{n % 60:02}Z") for n in range(90)
    ]
    long = [
        comment(6000 + n, in_reply_to_id=5000, created_at=f"2024-05-03T08:00:{n:02}Z")
        for n in range(25)
    ]
    likes = [{"content": "THUMBS_UP", "user": {"login": f"u{n}"}} for n in range(12)]
    talk[1]["reactions_by"] = likes
    records[30] = moved(30, 30, comments=[*talk, *long])
    found = changes(Asked(server).all())["30"]
    assert len(found.threads) == 90
    assert len(found.threads[0].replies) == 25
    assert [r.author for r in found.threads[1].reactions] == [f"u{n}" for n in range(12)]
    assert len(server.requests) <= 2 + 3


def test_a_later_run_asks_only_for_what_moved_since(
    records: dict[int, Json], server: ArchiveServer
) -> None:
    mark = Asked(server).all()[-1].mark
    before = len(server.requests)
    assert Asked(server).all(mark) == []
    assert len(server.requests) == before + 1
    records[7] = moved(7, 59, comments=[comment(700), comment(701)])
    records[7]["pull"]["updated_at"] = "2024-05-10T08:00:00Z"
    (again,) = Asked(server).all(mark)
    assert (again.key, len(read(again.body).threads)) == ("7", 2)


def test_since_and_until_bound_a_run_and_leave_no_mark(server: ArchiveServer) -> None:
    source = Asked(server).source
    since = read(Asked(server).all()[49].body).pull.created_at.replace(day=9, minute=50)
    late = list(source.fetch(since, None))
    assert sorted(int(p.key) for p in late) == list(range(50, 60))
    closed = read(late[0].body).pull.closed_at
    assert len(list(Asked(server).source.fetch(None, closed))) == 60
    assert list(Asked(server).source.fetch(None, since.replace(year=2020))) == []
    assert {p.mark for p in late} == {None}


def test_what_only_graphql_tells_is_read(records: dict[int, Json], server: ArchiveServer) -> None:
    like = {"content": "THUMBS_UP", "user": {"login": "olga"}}
    told = comment(
        100, resolved=True, resolved_by="mia", minimized=True, may_push=True, reactions_by=[like]
    )
    records[1] = moved(
        1, 1, comments=[told], events=[reviewed("rita", "a" * 40, "2024-05-02T08:00:00Z")]
    )
    change = changes(Asked(server).all())["1"]
    (thread,) = change.threads
    assert (thread.resolved, thread.may_push) == (True, True)
    assert (thread.resolved_by, thread.hidden) == ("mia", True)
    at = thread.created_at
    assert thread.reactions == (Reaction(author="olga", content="THUMBS_UP", at=at),)
    assert [review.may_push for review in change.reviews] == [False]


def test_deleted_accounts_gone_commits_and_whole_files_are_read_or_counted(
    records: dict[int, Json], server: ArchiveServer
) -> None:
    gone = comment(100, user=None, original_commit_id=None)
    whole = comment(101, subject_type="file", diff_hunk="")
    program = comment(102, user=user("helper[bot]", "Bot"))
    records[1] = moved(1, 1, comments=[gone, whole, program])
    dropped: Counter[str] = Counter()
    payload = next(p for p in Asked(server).all() if p.key == "1")
    first, second = read(payload.body, dropped).threads
    assert (first.author, first.revision, first.span.end) == ("ghost", "", 12)
    assert second.author_kind == "bot"
    assert dropped == {"comment on a whole file": 1}


def test_a_comment_that_cannot_be_read_is_counted_and_the_rest_goes_on(
    records: dict[int, Json], server: ArchiveServer
) -> None:
    talk = [comment(100), comment(101, in_reply_to_id=100), comment(102), comment(103)]
    records[1] = moved(1, 1, comments=talk)
    payload = json.loads(next(p for p in Asked(server).all() if p.key == "1").body)
    answered, second, third = payload["graphql"]["reviewThreads"]["nodes"]
    del answered["comments"]["nodes"][1]["createdAt"]
    second["opening"]["nodes"][0]["diffHunk"] = 7
    third["comments"]["nodes"][0]["fullDatabaseId"] = "no number"
    dropped: Counter[str] = Counter()
    (thread,) = read(json.dumps(payload).encode(), dropped).threads
    assert (thread.id, thread.replies) == ("100", ())
    assert dropped == {"malformed comment": 3}


def test_a_payload_of_before_openings_were_asked_for_apart_is_still_read(
    records: dict[int, Json], server: ArchiveServer
) -> None:
    like = {"content": "HEART", "user": {"login": "olga"}}
    talk = [comment(100, reactions_by=[like]), comment(101, in_reply_to_id=100)]
    records[1] = moved(1, 1, comments=talk)
    body = next(p for p in Asked(server).all() if p.key == "1").body
    payload = json.loads(body)
    assert body.startswith(b'{"repository":')
    del payload["licence"]
    for thread in payload["graphql"]["reviewThreads"]["nodes"]:
        (opening,) = thread.pop("opening")["nodes"]
        for one in thread["comments"]["nodes"]:
            one |= opening
    old = json.dumps(payload, separators=(",", ":")).encode()
    assert read(old) == msgspec.structs.replace(read(body), licence="")
    assert len(read(old).threads[0].replies) == 1


@pytest.mark.parametrize("graphql", [True, False])
@pytest.mark.parametrize(
    ("licence", "told"),
    [({"spdx_id": "MIT"}, "MIT"), ({"spdx_id": "NOASSERTION"}, "NOASSERTION"), (None, "")],
)
def test_the_licence_comes_along_as_the_host_shows_it(
    records: dict[int, Json], licence: Json | None, told: str, graphql: bool
) -> None:
    for one in records.values():
        one["pull"]["base"]["repo"]["license"] = licence
    with ArchiveServer(REPO, records, graphql=graphql).serve() as server:
        assert {change.licence for change in changes(Asked(server).all()).values()} == {told}


def test_without_graphql_rest_gives_the_same_changes(records: dict[int, Json]) -> None:
    with ArchiveServer(REPO, records).serve() as server:
        wanted = {key: _without_extras(one) for key, one in changes(Asked(server).all()).items()}
    with ArchiveServer(REPO, records, graphql=False).serve() as server:
        asked = Asked(server)
        payloads = asked.all()
        assert {k: _without_extras(one) for k, one in changes(payloads).items()} == wanted
        assert "no GraphQL" in asked.told[0]
        before = len(server.requests)
        (again,) = Asked(server).all(payloads[-1].mark)  # the one the mark stands on
        assert again._replace(mark=None) == payloads[-1]._replace(mark=None)
        assert len(server.requests) - before == 4


def test_the_command_mines_and_a_second_run_takes_one_request(
    server: ArchiveServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    monkeypatch.chdir(tmp_path)
    asked = ["--source", f"github:{server.where}", "--home", str(tmp_path / "home")]
    first = CliRunner().invoke(mine, asked, catch_exceptions=False)
    assert f"{REPO}: 60 changes (60 new, 0 changed, 0 as before)" in first.output
    before = len(server.requests)
    second = CliRunner().invoke(mine, asked, catch_exceptions=False)
    assert f"{REPO}: 0 changes (0 new, 0 changed, 0 as before)" in second.output
    assert len(server.requests) == before + 1
    assert TOKEN not in first.output
    assert TOKEN.encode() not in (tmp_path / "home/store.db").read_bytes()


def test_commits_of_pull_requests_come_with_them_and_what_failed_is_made_up_for(
    server: ArchiveServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny, clone = TinyGit(tmp_path / "host"), TinyGit(tmp_path / "clone").folder
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    monkeypatch.chdir(tmp_path)
    asked = ["--source", f"github:{server.where}", "--clone", str(clone), "--home", str(tmp_path)]
    failed = CliRunner().invoke(mine, asked)
    assert isinstance(failed.exception, SourceError)
    assert "cannot fetch" in str(failed.exception) and TOKEN not in str(failed.exception)

    heads = {}
    for number, text in enumerate(("one\n", "two\n"), 1):
        heads[f"refs/pull/{number}/head"] = sha = tiny.commit({"a.py": text})
        tiny.run("update-ref", f"refs/pull/{number}/head", sha)
    tiny.run("update-server-info")
    server.git = tiny.folder / ".git"
    second = CliRunner().invoke(mine, asked, catch_exceptions=False)
    assert "0 changes (0 new" in second.output, "what was stored before is stored once"
    assert "0 fetched by id, 1 gone at the host" in second.output, "it has none of what it names"
    with open_repository(clone) as repository:
        assert repository.refs("refs/pull") == heads
        assert all(map(repository.has, heads.values()))

    heads["refs/pull/1/head"] = sha = tiny.commit({"a.py": "forced\n"}, parent="HEAD~1")
    tiny.run("update-ref", "refs/pull/1/head", sha)
    tiny.run("update-server-info")
    CliRunner().invoke(mine, asked, catch_exceptions=False)
    with open_repository(clone) as repository:
        assert repository.refs("refs/pull") == heads, "a head that was forced is followed"


def test_a_dry_retraining_asks_only_for_what_moved(
    records: dict[int, Json],
    server: ArchiveServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    monkeypatch.chdir(tmp_path)
    asked = ["--source", f"github:{server.where}", "--home", str(tmp_path / "home")]
    CliRunner().invoke(mine, asked, catch_exceptions=False)
    before = len(server.requests)
    records[7]["pull"]["updated_at"] = "2024-05-10T08:00:00Z"
    looked = look(Settings(), tmp_path / "home", store_url(tmp_path / "home"), REPO)
    assert "at the source 0 new and 1 changed" in looked
    assert len(server.requests) == before + 1
