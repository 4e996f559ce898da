"""Commits that no branch leads to any more, fetched from a real git server by their ids."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

import msgspec
import pytest

from mining.examples import build_examples
from mining.git_environment import ONLINE_CONFIG
from mining.intake import Intake, take_in
from mining.repository import Repository, clone, open_repository
from mining.reviewed_commits import PATIENCE, REFS, bring_pulls, reviewed_commits
from mining.sources import Brought, RawPayload
from mining.store import Store, open_store
from postil.errors import PayloadError, SourceError
from postil.records import Change, Review, Revision
from postil.settings import MiningSettings
from tests.mining.builders import day, make_change, make_pull, make_thread
from tests.mining.notedb_builder import NoteDb

GONE = [f"{number:040x}" for number in range(1, 60)]
BODY = "".join(f"line {number}\n" for number in range(1, 31))


class Host:
    """A bare repository with a pull request that was rebased, and a clone of it."""

    def __init__(self, folder: Path) -> None:
        self.db = NoteDb(folder / "host.git")
        self.base = self.db.commit({"a.py": BODY})
        self.reviewed = [
            self.db.commit({"a.py": BODY.replace("line 9\n", f"line {n}\n")}, self.base)
            for n in ("nine", "ninth", "9th")
        ]
        last = self.db.commit({"a.py": BODY.replace("line 9\n", "the ninth\n")}, self.base)
        self.db.git("update-ref", "refs/heads/main", last)
        self.db.git("update-ref", "refs/pull/1/head", last)
        self.db.git("symbolic-ref", "HEAD", "refs/heads/main")
        self.url, self.last = self.db.path.as_uri(), last
        self.clone = folder / "clone.git"
        clone(self.url, self.clone).close()

    def run(self, *command: str) -> None:
        """Run git in the clone."""
        self.db.git("--git-dir", str(self.clone), *command, inside=False)

    def there(self) -> list[bool]:
        with open_repository(self.clone) as repository:
            return [repository.has(sha) for sha in self.reviewed]

    def change(self, *reviewed: str) -> Change:
        """A merged pull request with a heeded remark on each of these commits."""
        revisions = tuple(
            Revision(number=n, sha=sha, base_sha=self.base, pushed_at=day(1 + n / 10))
            for n, sha in enumerate((*reviewed, self.last), 1)
        )
        return make_change(
            make_pull(1, revisions), *(make_thread(sha, 9, id=sha) for sha in reviewed)
        )


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many refs each fetch asked for."""
    counts: list[int] = []
    usual = Repository.fetch

    def fetch(self: Repository, refs: Sequence[str], remote: str = "", token: str = "") -> None:
        counts.append(len(refs))
        usual(self, refs, remote, token)

    monkeypatch.setattr(Repository, "fetch", fetch)
    return counts


def test_they_come_by_their_ids_and_stay(host: Host) -> None:
    assert host.there() == [False] * 3
    assert bring_pulls(host.clone, host.url, "", host.reviewed) == Brought(came=3)
    assert host.there() == [True] * 3
    host.run("gc", "--quiet", "--prune=now")
    assert host.there() == [True] * 3
    assert bring_pulls(host.clone, host.url, "", host.reviewed) == Brought()


def test_what_a_clean_up_took_comes_again(host: Host) -> None:
    bring_pulls(host.clone, host.url, "", host.reviewed)
    for sha in host.reviewed:
        host.run("update-ref", "-d", f"{REFS}{sha}")
    host.run("gc", "--quiet", "--prune=now")
    assert host.there() == [False] * 3
    assert bring_pulls(host.clone, host.url, "", host.reviewed) == Brought(came=3)


def test_those_that_are_gone_keep_none_of_the_others_away(host: Host, asked: list[int]) -> None:
    told: list[str] = []
    wanted = [*GONE[:20], *host.reviewed]
    found = bring_pulls(host.clone, host.url, "", wanted, told.append)
    assert found == Brought(came=3, gone=20)
    assert sorted(told) == GONE[:20]
    assert host.there() == [True] * 3
    assert len(asked) <= 1 + 20 + 3


def test_a_host_that_has_none_is_given_up_and_asked_on_in_the_next_run(
    host: Host, asked: list[int]
) -> None:
    told: list[str] = []
    found = bring_pulls(host.clone, host.url, "", GONE, told.append)
    assert found == Brought(gone=PATIENCE, left=len(GONE) - PATIENCE)
    assert len(asked) == 1 + PATIENCE
    rest = [one for one in GONE if one not in told]
    assert bring_pulls(host.clone, host.url, "", rest).gone == PATIENCE


def test_a_host_that_gives_nothing_by_id_is_asked_once_and_nothing_counts_as_gone(
    host: Host, asked: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ONLINE_CONFIG, "protocol.version", "0")
    told: list[str] = []
    found = bring_pulls(host.clone, host.url, "", host.reviewed, told.append)
    assert (found, told) == (Brought(left=3), [])
    assert asked == [1, 3, 1]


def test_the_users_old_protocol_is_no_hindrance(host: Host) -> None:
    host.run("config", "protocol.version", "0")
    assert bring_pulls(host.clone, host.url, "", host.reviewed) == Brought(came=3)


def test_one_that_the_host_cannot_pack_keeps_none_of_the_others_away(host: Host) -> None:
    broken = host.db.commit({"b.py": "x"}, host.base)
    tree = host.db.git("rev-parse", f"{broken}^{{tree}}")
    (host.db.path / "objects" / tree[:2] / tree[2:]).unlink()
    told: list[str] = []
    wanted = [*host.reviewed, broken, "1" * 64]  # an id of another kind of repository
    found = bring_pulls(host.clone, host.url, "", wanted, told.append)
    assert (found, told) == (Brought(came=3, gone=1, left=1), ["1" * 64])
    assert host.there() == [True] * 3


def test_a_host_that_goes_away_is_an_error_and_no_gone_commit(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual, told = Repository.fetch, list[str]()

    def fetch(self: Repository, refs: Sequence[str], remote: str = "", token: str = "") -> None:
        usual(self, refs, remote, token)
        host.db.path.rename(host.db.path.with_name("moved.git"))

    monkeypatch.setattr(Repository, "fetch", fetch)
    with pytest.raises(SourceError, match="cannot fetch"):
        bring_pulls(host.clone, host.url, "", host.reviewed, told.append)
    assert told == []


def test_without_a_clone_nothing_is_asked() -> None:
    assert bring_pulls(None, "file:///nowhere", "", GONE) == Brought()


def test_only_ids_are_taken_from_a_change() -> None:
    hostile = ("--upload-pack=touch x", "a" * 39, "A" * 40, "refs/heads/main", "", "b" * 40 + "\n")
    looks = tuple(Review(reviewer="ann", revision=sha, at=day(1)) for sha in ("b" * 40, "c" * 64))
    threads = [make_thread(sha, 9) for sha in (*hostile, "b" * 40)]
    change = make_change(make_pull(), *threads, reviews=looks)
    assert reviewed_commits(change) == ("b" * 40, "c" * 64)


class Forge:
    """A source whose host has these changes; it can be cut off before the commits."""

    kind, repo = "forgejo", "o/r"

    def __init__(self, host: Host, *changes: Change) -> None:
        self.clone: Path | None = host.clone
        self.host, self.changes, self.cut_off = host, changes, False

    def fetch(self, since: datetime | None, until: datetime | None) -> Iterator[RawPayload]:
        for number, change in enumerate(self.changes):
            yield RawPayload(str(number), None, msgspec.json.encode(change))

    def fetch_commits(self, ids: Sequence[str], gone: Callable[[str], None]) -> Brought:
        if self.cut_off:
            raise SourceError("cut off")
        return bring_pulls(self.clone, self.host.url, "", ids, gone)


def read(body: bytes, dropped: Counter[str] | None = None) -> Change:
    try:
        return msgspec.json.decode(body, type=Change)
    except msgspec.DecodeError as error:
        raise PayloadError("no change") from error


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(f"sqlite:///{tmp_path / 'store.db'}") as opened:
        yield opened


def run(store: Store, forge: Forge) -> Brought:
    intake = Intake()
    take_in(store, forge, read, "forgejo:x", None, None, intake, lambda: None)
    return intake.brought


def test_mining_brings_what_its_changes_name(host: Host, store: Store) -> None:
    assert run(store, Forge(host, host.change(*host.reviewed))) == Brought(came=3)
    assert run(store, Forge(host)) == Brought()


def test_a_run_that_was_cut_off_is_made_up_for(host: Host, store: Store) -> None:
    forge = Forge(host, host.change(*host.reviewed, GONE[0]))
    forge.cut_off = True
    with pytest.raises(SourceError, match="cut off"):
        run(store, forge)
    assert run(store, Forge(host)) == Brought(came=3, gone=1)
    assert run(store, Forge(host)) == Brought(), "what is gone is asked for once"
    forge.cut_off = False
    assert run(store, forge) == Brought(), "nor where its change comes again"


def test_what_was_stored_before_is_brought_as_well(host: Host, store: Store) -> None:
    forge = Forge(host, host.change(*host.reviewed))
    store.save(forge.kind, forge.repo, [*forge.fetch(None, None), RawPayload("9", None, b"{")])
    assert run(store, Forge(host)) == Brought(came=3)


def test_another_repository_in_the_same_clone_is_another_matter(host: Host, store: Store) -> None:
    fork = Forge(host, host.change(GONE[0]))
    fork.repo = "o/fork"
    ours = Forge(host, host.change(*host.reviewed))
    ours.cut_off = True
    with pytest.raises(SourceError, match="cut off"):
        run(store, ours)
    assert run(store, fork) == Brought(gone=1)
    assert run(store, Forge(host)) == Brought(came=3)


def test_without_a_clone_they_are_noted_for_one_that_comes_later(host: Host, store: Store) -> None:
    forge = Forge(host, host.change(*host.reviewed))
    forge.clone = None
    assert run(store, forge) == Brought()
    assert run(store, Forge(host)) == Brought(came=3)


def test_a_remark_on_a_rebased_commit_teaches_where_to_speak(host: Host) -> None:
    change = host.change(host.reviewed[0])
    for come, located in ((False, [False]), (True, [True])):
        if come:
            bring_pulls(host.clone, host.url, "", host.reviewed)
        with open_repository(host.clone) as repository:
            told = MiningSettings(tiers=("A", "B", "C", "D"))
            examples, _ = build_examples([_with_hunk(change)], repository, told)
        assert [one.located for one in examples if one.kind == "remark"] == located


def _with_hunk(change: Change) -> Change:
    hunk = "@@ -6,4 +6,4 @@\n line 6\n line 7\n line 8\n-line 9\n+line nine"
    threads = tuple(msgspec.structs.replace(t, hunk=hunk) for t in change.threads)
    return msgspec.structs.replace(change, threads=threads)
