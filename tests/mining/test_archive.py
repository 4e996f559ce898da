"""The archive source: a folder of raw GitHub objects -> payloads -> changes."""

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mining.sources.archive import Archive, read
from postil.errors import PayloadError, SourceError
from postil.records import Review
from tests.mining.archive_builder import (
    BASE,
    HEAD,
    OLD,
    body,
    comment,
    pull,
    record,
    reviewed,
    user,
    write_archive,
)
from tests.tiny_git import TinyGit

SAMPLES = Path(__file__).parents[2] / "../shared/data/github/rest-pulls"
SHA = {letter: letter * 40 for letter in "123456"}


def on(day: int) -> datetime:
    return datetime(2024, 5, day, tzinfo=UTC)


def open_pull(number: int, updated_at: str) -> dict[str, object]:
    return pull(number, state="open", closed_at=None, merged_at=None, updated_at=updated_at)


def test_each_pull_leaves_verbatim_and_in_the_order_of_numbers(tmp_path: Path) -> None:
    folder = write_archive(tmp_path, record(10, pull=pull(10)), record(9, pull=pull(9)))
    source = Archive(str(folder), None, None)
    payloads = list(source.fetch(None, None))
    assert [key for key, *_ in payloads] == ["9", "10"]
    assert payloads[0][1] == datetime(2024, 5, 3, 8, tzinfo=UTC)
    assert payloads[0][2] == (folder / "pulls" / "9.json").read_bytes()
    assert (source.kind, source.repo, source.clone, len(source)) == (
        "archive",
        "team/harbour",
        None,
        2,
    )


def test_until_goes_by_closing_and_since_by_any_change(tmp_path: Path) -> None:
    folder = write_archive(
        tmp_path,
        record(1, pull=pull(1)),  # closed on the 3rd, remarked on until the 9th
        record(2, pull=open_pull(2, "2024-05-06T08:00:00Z")),
    )
    source = Archive(str(folder), None, None)

    def keys(since: datetime | None, until: datetime | None) -> list[str]:
        return [key for key, *_ in source.fetch(since, until)]

    assert keys(None, on(4)) == ["1"]
    assert keys(None, on(7)) == ["1", "2"]
    assert keys(on(7), None) == ["1"]
    assert keys(on(10), None) == []


def test_a_given_name_replaces_the_one_found(tmp_path: Path) -> None:
    folder = write_archive(tmp_path, record())
    assert Archive(str(folder), None, "fork/harbour").repo == "fork/harbour"


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        ("nothing there", "not a folder"),
        ("no pulls", "empty archive"),
        ("cut state", "state.json: truncated archive"),
        ("all broken", "not one pull request in it can be read"),
    ],
)
def test_an_unfit_folder_is_refused_in_one_line_that_names_it(
    tmp_path: Path, spoil: str, message: str
) -> None:
    folder = tmp_path / "archive"
    if spoil != "nothing there":
        write_archive(folder, *([] if spoil == "no pulls" else [record()]))
    if spoil == "cut state":
        (folder / "state.json").write_text('{"version": 2, "fail')
    if spoil == "all broken":
        (folder / "pulls" / "7.json").write_text('{"pull": {')
    with pytest.raises(SourceError, match=message) as caught:
        Archive(str(folder), None, None)
    assert str(folder) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_archive_without_a_state_is_read_all_the_same(tmp_path: Path) -> None:
    folder = write_archive(tmp_path, record())
    (folder / "state.json").unlink()
    assert len(Archive(str(folder), None, None)) == 1


def test_a_clone_that_is_no_repository_is_refused(tmp_path: Path) -> None:
    folder = write_archive(tmp_path / "archive", record())
    with pytest.raises(SourceError, match="not a git repository"):
        Archive(str(folder), tmp_path, None)


def test_a_clone_is_kept_by_its_whole_path(tmp_path: Path) -> None:
    folder = write_archive(tmp_path / "archive", record())
    code = TinyGit(tmp_path / "code").folder
    assert Archive(str(folder), code, None).clone == code.resolve()


def test_a_record_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    folder = write_archive(tmp_path, record())
    source = Archive(str(folder), None, None)
    (folder / "pulls" / "7.json").unlink()
    with pytest.raises(SourceError, match=r"7\.json: cannot be read: No such file"):
        list(source.fetch(None, None))


def test_a_malformed_record_is_still_fetched_and_refused_by_read(tmp_path: Path) -> None:
    folder = write_archive(tmp_path, record(1, pull=pull(1)))
    (folder / "pulls" / "2.json").write_text('{"type": "pull", "pull": {"number": 2, "ti')
    payloads = list(Archive(str(folder), None, None).fetch(on(1), on(2)))
    assert [(key, at) for key, at, *_ in payloads] == [("2", None)]
    with pytest.raises(PayloadError, match="not a pull request of an archive"):
        read(payloads[0][2])


@pytest.mark.parametrize(
    "spoilt",
    [
        {"pull": pull(created_at="2024-05-01T08:00:00")},  # no zone
        {"pull": pull(state="draft")},
        {"pull": pull(url="", base={"sha": BASE})},
        {"pull": {"number": 7}},
        {"pull": pull(), "comments": {}},
    ],
)
def test_a_record_that_is_no_pull_request_is_refused(spoilt: dict[str, object]) -> None:
    with pytest.raises(PayloadError):
        read(body(**spoilt))


def test_a_pull_request_is_read_with_who_merged_it() -> None:
    change = read(body())
    assert change.pull.repo == "team/harbour"
    assert (change.pull.author, change.pull.state, change.merged_by) == ("olga", "merged", "mia")
    assert change.pull.merged_at == datetime(2024, 5, 3, 8, tzinfo=UTC)
    assert change.pull.url == "https://github.com/team/harbour/pull/7"


def test_the_repository_is_known_by_url_where_the_base_names_none() -> None:
    assert read(body(pull=pull(base={"sha": BASE}))).pull.repo == "team/harbour"


def test_who_merged_may_be_told_by_the_event_alone() -> None:
    event = {"event": "merged", "actor": user("max")}
    assert read(body(pull=pull(merged_by=None), events=[event])).merged_by == "max"


def test_nobody_known_merged_an_unmerged_pull_or_one_merged_by_a_program() -> None:
    closed = read(body(pull=pull(merged_at=None)))
    assert (closed.pull.state, closed.merged_by) == ("closed", None)
    assert read(body(pull=open_pull(7, "2024-05-06T08:00:00Z"))).pull.state == "open"
    assert read(body(pull=pull(merged_by=user("bors[bot]")))).merged_by is None
    assert read(body(pull=pull(merged_by=user("ghost")))).merged_by is None
    assert read(body(pull=pull(merged_by=None))).merged_by is None


def test_revisions_are_every_known_head_in_time_order_and_the_last_head_last() -> None:
    events = [
        {"event": "committed", "sha": HEAD, "committer": {"date": "2024-05-01T09:00:00Z"}},
        {"event": "committed", "sha": SHA["1"], "committer": {"date": "2024-05-01T07:00:00Z"}},
        {
            "event": "head_ref_force_pushed",
            "commit_id": SHA["2"],
            "created_at": "2024-05-01T12:00:00Z",
        },
        reviewed("rita", SHA["3"], "2024-05-01T10:00:00Z"),
        reviewed("rita", SHA["2"], "2024-05-01T13:00:00Z"),
        {"event": "referenced", "commit_id": SHA["4"], "created_at": "2024-05-01T10:00:00Z"},
    ]
    revisions = read(body(events=events, comments=[comment(1)])).pull.revisions
    assert [(r.number, r.sha) for r in revisions] == [
        (1, SHA["1"]),
        (2, SHA["3"]),
        (3, SHA["2"]),
        (4, OLD),
        (5, HEAD),
    ]
    assert {r.base_sha for r in revisions} == {BASE}
    times = [r.pushed_at for r in revisions]
    assert times[0] == datetime(2024, 5, 1, 7, tzinfo=UTC)
    assert times[1] is None, "a review tells that it was there, not since when"
    assert times[4] == datetime(2024, 5, 1, 9, tzinfo=UTC)


def test_reviews_are_looks_and_votes_of_other_people() -> None:
    events = [
        reviewed("rita", HEAD, "2024-05-02T08:00:00Z", "APPROVED"),
        reviewed("sam", OLD, "2024-05-01T08:00:00Z", "changes_requested"),
        reviewed("olga", OLD, "2024-05-01T09:00:00Z"),
        reviewed("ci[bot]", OLD, "2024-05-01T09:00:00Z"),
        reviewed("tim", OLD, "2024-05-01T09:00:00Z", "PENDING"),
        reviewed("una", HEAD, "2024-05-03T09:00:00Z", author_association=None, user=None),
    ]
    assert read(body(events=events)).reviews == (
        Review(reviewer="sam", association="CONTRIBUTOR", revision=OLD, at=on_hour(1), vote=-1),
        Review(reviewer="rita", association="CONTRIBUTOR", revision=HEAD, at=on_hour(2), vote=2),
        Review(
            reviewer="ghost",
            association="NONE",
            revision=HEAD,
            at=datetime(2024, 5, 3, 9, tzinfo=UTC),
        ),
    )


def on_hour(day: int) -> datetime:
    return datetime(2024, 5, day, 8, tzinfo=UTC)


def test_a_comment_outside_of_a_known_review_is_a_look_of_its_own() -> None:
    comments = [
        comment(1),
        comment(2, user=user("sam")),
        comment(3, user=user("sam")),
        comment(4, user=user("olga")),
        comment(5, user=user("helper", "Bot")),
    ]
    events = [reviewed("rita", OLD, "2024-05-02T09:00:00Z")]
    reviews = read(body(events=events, comments=comments)).reviews
    assert [(r.reviewer, r.revision, r.vote) for r in reviews] == [
        ("sam", OLD, 0),
        ("rita", OLD, 0),
    ]


def test_what_cannot_be_read_is_counted_and_the_rest_is_read() -> None:
    dropped: Counter[str] = Counter()
    events = [{"event": "line-commented"}, {"event": "reviewed", "submitted_at": 5}, "text"]
    comments = [comment(1), comment(2, path=None), {"id": 3}]
    change = read(body(events=events, comments=comments), dropped)
    assert [thread.id for thread in change.threads] == ["1"]
    assert dropped == {"malformed event": 2, "malformed comment": 2, "comment on a commit": 1}


@pytest.mark.skipif(not SAMPLES.exists(), reason="the shared GitHub samples are not here")
def test_real_records_are_read_whole(tmp_path: Path) -> None:
    records = [json.loads(file.read_text()) for file in sorted(SAMPLES.glob("*.json"))]
    folder = write_archive(tmp_path, *records)
    dropped: Counter[str] = Counter()
    source = Archive(str(folder), None, None)
    changes = [read(payload, dropped) for _, _, payload, *_ in source.fetch(None, None)]
    assert source.repo == "bitcoin-core/secp256k1"
    assert [len(change.threads) for change in changes] == [
        sum(c["in_reply_to_id"] is None for c in one["comments"]) for one in records
    ]
    said = sum(1 + len(thread.replies) for change in changes for thread in change.threads)
    assert said == sum(len(one["comments"]) for one in records)
    assert +dropped == Counter()
    assert {change.merged_by for change in changes} <= {"sipa", "real-or-random", "jonasnick"}
