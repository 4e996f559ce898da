"""The store keeps what was fetched, once, and loses nothing when a run is cut short."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mining.sources import RawPayload
from mining.store import BATCH, MinedSource, SaveTally, Store, open_store
from postil.errors import ConfigError, StoreError
from tests.postgres import Postgres

WHEN = datetime(2023, 5, 1, 12, tzinfo=UTC)


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Every test of a store runs on both."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'deep' / 'store.db'}"
    server: Postgres = request.getfixturevalue("postgres_server")
    return server.new_database()


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    with open_store(url) as opened:
        yield opened


def item(number: int, body: bytes = b"{}", mark: str | None = None) -> RawPayload:
    return RawPayload(str(number), WHEN, body, mark)


def test_a_body_is_new_then_the_same_then_changed(store: Store) -> None:
    assert store.save("gerrit", "a/b", [item(1), item(2)]) == SaveTally(2, 0, 0)
    (first, _) = store.payloads()
    assert store.save("gerrit", "a/b", [item(1), item(2)]) == SaveTally(0, 0, 2)
    assert store.save("gerrit", "a/b", [item(1), item(2, b"[]")]) == SaveTally(0, 1, 1)
    again, changed = store.payloads()
    assert again == first
    assert (changed.body, changed.updated_at) == (b"[]", WHEN)


def test_comparing_counts_what_saving_would_and_writes_nothing(store: Store) -> None:
    store.save("gerrit", "a/b", [item(1), item(2)])
    later = [item(1), item(2, b"[]"), item(3)]
    assert store.compare("gerrit", "a/b", later) == SaveTally(1, 1, 1)
    assert store.compare("archive", "a/b", later) == SaveTally(3, 0, 0)
    assert store.save("gerrit", "a/b", later) == SaveTally(1, 1, 1)


def test_a_wish_to_opt_out_can_be_taken_back(store: Store) -> None:
    store.opt_out("a/b", "ann")
    store.opt_out("a/b", "ann")
    assert (store.opted_out("a/b"), store.opted_out("a/c")) == (("ann",), ())
    assert store.opt_in("a/b", "ann")
    assert not store.opt_in("a/b", "ann")
    assert store.opted_out("a/b") == ()


def test_vetoes_are_replaced_as_a_whole_and_belong_to_what_is_stored(store: Store) -> None:
    before = store.digest("a/b")
    assert store.veto("a/b", ["https://x/2", "https://x/1", "https://x/2"])
    assert not store.veto("a/b", ["https://x/1", "https://x/2"])
    assert (store.vetoed("a/b"), store.vetoed("a/c")) == (("https://x/1", "https://x/2"), ())
    assert store.digest("a/b") != before
    assert store.veto("a/b", [])
    assert (store.vetoed("a/b"), store.digest("a/b")) == ((), before)


def test_bodies_come_back_byte_for_byte_in_the_order_of_their_numbers(store: Store) -> None:
    bodies = {number: f'{{"n":{number}, "é": "\\u0000"}}'.encode() for number in (10, 9, 100, 1)}
    store.save("gerrit", "a/b", [item(n, body) for n, body in bodies.items()])
    store.save("archive", "a/b", [item(5)])
    found = list(store.payloads(source="gerrit", repo="a/b"))
    assert [(p.key, p.body) for p in found] == [(str(n), bodies[n]) for n in sorted(bodies)]
    assert next(store.payloads()).source == "archive"
    assert list(store.payloads(repo="c/d")) == []


def test_times_are_kept_in_utc_and_may_be_unknown(store: Store) -> None:
    from_afar = WHEN.astimezone(tz=None)
    store.save("gerrit", "a/b", [RawPayload("1", from_afar, b"1"), RawPayload("2", None, b"2")])
    assert [p.updated_at for p in store.payloads()] == [WHEN, None]


def test_commits_are_noted_with_the_change_that_names_them_and_lost_once(store: Store) -> None:
    assert not store.names_commits("github", "a/b")
    store.save("github", "a/b", [item(1)._replace(commits=("one", "two", "one"))])
    store.save("github", "a/c", [item(1)._replace(commits=("one",))])
    store.lose_commit("github", "a/b", "one")
    store.save("github", "a/b", [item(2)._replace(commits=("one", "three"))])
    store.name_commits("github", "a/b", ["two", "four"])
    assert sorted(store.commits("github", "a/b")) == ["four", "three", "two"]
    assert store.commits("github", "a/c") == ["one"]
    assert store.commits("forgejo", "a/b") == []
    assert store.names_commits("github", "a/b")


@pytest.mark.parametrize("stop", [KeyboardInterrupt, ValueError])
def test_what_came_before_an_interruption_is_stored(
    store: Store, url: str, stop: type[BaseException]
) -> None:
    def cut_short() -> Iterator[RawPayload]:
        yield from (item(number) for number in range(BATCH + 3))
        raise stop

    with pytest.raises(stop):
        store.save("gerrit", "a/b", cut_short())
    with open_store(url) as again:
        assert len(list(again.payloads())) == BATCH + 3


def test_a_key_twice_in_a_batch_counts_once_and_the_last_stays(store: Store) -> None:
    assert store.save("gerrit", "a/b", [item(1), item(1, b"[]")]).new == 1
    assert [p.body for p in store.payloads()] == [b"[]"]


def test_two_stores_on_one_file_agree(store: Store, url: str) -> None:
    with open_store(url) as other:
        other.save("gerrit", "a/b", [item(1)])
        assert store.save("gerrit", "a/b", [item(1), item(2)]) == SaveTally(1, 0, 1)
        assert len(list(other.payloads())) == 2


def test_a_source_is_remembered_with_its_latest_place(store: Store) -> None:
    first = MinedSource(source="gerrit", repo="a/b", where="gerrit:/old", clone=None)
    later = MinedSource(source="gerrit", repo="a/b", where="gerrit:/new", clone=Path("/new"))
    store.remember(first)
    store.remember(later)
    assert store.sources() == [later]


def test_a_mark_is_stored_with_the_payloads_before_it_and_not_without_them(store: Store) -> None:
    seen: list[tuple[int, str | None]] = []

    def look() -> None:
        seen.append((len(list(store.payloads())), store.mark("github", "a/b")))

    def pages() -> Iterator[RawPayload]:
        yield from (item(1), item(2, mark="page 1"))
        look()
        yield item(3)
        look()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.save("github", "a/b", pages())
    look()
    assert seen == [(2, "page 1"), (2, "page 1"), (3, "page 1")]
    assert store.mark("github", "a/c") is None


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("nonsense", "the database URL is none"),
        ("mysql://me:secret@host/db", "the store is SQLite or Postgres"),
        ("postgresql://me:secret@127.0.0.1:1/db", "cannot be opened"),
    ],
)
def test_a_wrong_address_is_one_line_without_the_password(url: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        open_store(url)
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    path.write_text("not a database, but long enough to be read as one\n" * 20, encoding="utf-8")
    with pytest.raises(ConfigError, match="not a database"):
        open_store(f"sqlite:///{path}")


def test_a_postgres_that_goes_away_is_one_line_and_loses_nothing_stored(
    postgres_server: Postgres,
) -> None:
    url = postgres_server.new_database()

    def with_a_fall(number: int) -> Iterator[RawPayload]:
        for page in range(3):
            if page == number:
                postgres_server.stop()
            yield item(page, mark=f"page {page}")

    with open_store(url) as store, pytest.raises(StoreError, match="the store fails: ") as caught:
        try:
            store.save("github", "a/b", with_a_fall(2))
        finally:
            postgres_server.start()
    assert "\n" not in str(caught.value)
    with open_store(url) as again:
        assert again.mark("github", "a/b") == "page 1"
        assert again.save("github", "a/b", with_a_fall(9)) == SaveTally(1, 0, 2)
        assert len(list(again.payloads())) == 3


def test_a_full_disk_is_one_line(tmp_path: Path) -> None:
    with open_store(f"sqlite:///{tmp_path / 'store.db'}") as store:
        store.save("github", "a/b", [item(1)])
        with store._database.writing() as connection:
            connection.exec_driver_sql("PRAGMA max_page_count = 20")
        with pytest.raises(StoreError, match="full"):
            store.save("github", "a/b", [item(2, b"x" * 10_000_000)])
        assert len(list(store.payloads())) == 1
