"""Pull requests of a real Forgejo, reviewed over its API, mined, and learned from."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mining.clients import Access
from mining.examples import build_examples
from mining.repository import clone, open_repository
from mining.sources import Brought
from mining.sources.forgejo import Forgejo, read
from postil.errors import SourceError
from postil.records import Change
from postil.settings import MiningSettings
from tests.forgejo import Forgejo as Server
from tests.forgejo import harbour

pytestmark = pytest.mark.slow

REPO = "mia/harbour"
API = f"/repos/{REPO}"
SUGGESTION = "Use a constant for this:\n```suggestion\nCONSTANT\n```"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """Mia owns the repository, Rita may write, Olga opens pull requests, Sid may nothing."""
    with harbour("olga", "rita", "sid", writers=("olga", "rita")) as server:
        yield server


def lines(**changed: str) -> str:
    return "".join(f"{changed.get(f'l{n}', f'line {n}')}\n" for n in range(1, 30))


def say(
    server: Server, who: str, number: int, sha: str, path: str, *comments: tuple[int, str]
) -> None:
    placed = [{"path": path, "new_position": line, "body": body} for line, body in comments]
    review = {"event": "COMMENT", "commit_id": sha, "comments": placed}
    server.call(who, "POST", f"{API}/pulls/{number}/reviews", review)


def reviewed(server: Server, folder: Path, branch: str, *, rewritten: bool) -> int:
    """A merged pull request: Rita's two remarks are heeded, Sid's is not.

    `rewritten`: the answer replaces the commit that was reviewed, so no branch leads to that.
    """

    def git(*words: str) -> None:
        subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True)

    file = folder / f"{branch}.py"
    git("clone", server.git_url("olga", REPO), ".")
    git("config", "user.name", "olga")
    git("config", "user.email", "olga@example.org")
    git("checkout", "-b", branch)
    file.write_text(lines())
    git("add", ".")
    git("commit", "-m", f"Write {branch}")
    git("push", "origin", branch)
    new = {"title": f"Berth {branch}", "head": branch, "base": "main"}
    pull = server.call("olga", "POST", f"{API}/pulls", new)
    number, head = int(pull["number"]), pull["head"]["sha"]
    remarks = ((5, "Please name the unit of this value here."), (9, SUGGESTION))
    say(server, "rita", number, head, file.name, *remarks)
    say(server, "sid", number, head, file.name, (15, "I would have written this another way."))
    say(server, "olga", number, head, file.name, (5, "Done."))
    file.write_text(lines(l5="five_m", l9="CONSTANT", l15="other"))
    git("commit", "-am", "Answer review", *(["--amend"] if rewritten else []))
    git("push", "--force", "origin", branch)
    for _ in range(60):  # it looks for conflicts first
        time.sleep(0.5)
        merging = server.call(
            "mia", "POST", f"{API}/pulls/{number}/merge", {"Do": "merge"}, ok=False
        )
        if not merging:
            break
    return number


@pytest.fixture(scope="module")
def number(server: Server, tmp_path_factory: pytest.TempPathFactory) -> int:
    return reviewed(server, tmp_path_factory.mktemp("work"), "ships", rewritten=False)


def mine(server: Server, mark: str | None = None) -> tuple[list[Change], str | None]:
    access = Access(forgejo_token=server.tokens["mia"])
    source = Forgejo(f"{server.url}/{REPO}", None, None, access)
    if mark:
        source.resume(mark)
    payloads = list(source.fetch(None, None))
    return [read(p.body) for p in payloads], payloads[-1].mark if payloads else None


def test_a_real_review_is_read_as_it_was_said(server: Server, number: int) -> None:
    (change,), mark = mine(server)
    assert (change.pull.number, change.pull.state, change.merged_by) == (number, "merged", "mia")
    assert len(change.pull.revisions) == 2
    found = {t.span.start: t for t in change.threads}
    assert sorted(found) == [5, 9, 15]
    assert (found[5].author, found[5].may_push, found[5].revision) == (
        "rita",
        True,
        change.pull.revisions[0].sha,
    )
    assert [(r.author, r.author_kind) for r in found[5].replies] == [("olga", "self")]
    assert found[9].suggestion == "CONSTANT\n"
    assert found[15].may_push is False
    assert mark is not None
    assert len(mine(server, mark)[0]) == 1  # the one that the mark stands on


def test_what_rita_said_is_learned_and_what_sid_said_is_not(
    server: Server, number: int, tmp_path: Path
) -> None:
    changes, _ = mine(server)
    clone(server.git_url("mia", REPO), tmp_path / "clone").close()
    access = Access(forgejo_token=server.tokens["mia"])
    Forgejo(f"{server.url}/{REPO}", tmp_path / "clone", None, access).fetch_commits(
        (), list[str]().append
    )
    with open_repository(tmp_path / "clone") as repository:
        examples, funnel = build_examples(changes, repository, MiningSettings())
    (remark,) = [example for example in examples if example.kind == "remark"]
    assert (remark.tier, remark.author, remark.located) == ("A", "rita", True)
    assert "Use a constant for this:" in remark.response
    assert funnel.remarks["second remark on its window"] == 1
    assert funnel.remarks["not by a trusted reviewer"] == 1


def test_a_commit_that_was_pushed_over_is_fetched_and_its_windows_are_known(
    server: Server, number: int, tmp_path: Path
) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    rewritten = reviewed(server, folder, "rebased", rewritten=True)
    changes, _ = mine(server)
    (change,) = [change for change in changes if change.pull.number == rewritten]
    (gone,) = {thread.revision for thread in change.threads}
    path = tmp_path / "clone"
    clone(server.git_url("mia", REPO), path).close()
    access = Access(forgejo_token=server.tokens["mia"])
    source = Forgejo(f"{server.url}/{REPO}", path, None, access)
    lost: list[str] = []
    for ids, known in ((), False), ((gone, "0" * 39 + "1"), True):
        brought = source.fetch_commits(ids, lost.append)
        with open_repository(path) as repository:
            assert repository.has(gone) is known
            examples, _ = build_examples([change], repository, MiningSettings())
        remarks = [example for example in examples if example.kind == "remark"]
        assert {(one.author, one.located) for one in remarks} == {("rita", known)}
    assert (brought, lost) == (Brought(came=1, gone=1), ["0" * 39 + "1"])


def test_a_wrong_token_or_name_is_one_line(server: Server, number: int) -> None:
    for token, name, said in (
        ("wrong", REPO, "401: the token is not accepted"),
        (server.tokens["mia"], "mia/no-such", "404: there is no such repository"),
    ):
        source = Forgejo(f"{server.url}/{name}", None, None, Access(forgejo_token=token))
        with pytest.raises(SourceError, match=said):
            list(source.fetch(None, None))
