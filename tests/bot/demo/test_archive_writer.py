"""The archive of the sample team against its repository and against what the pieces say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from bot.demo.pieces import read_content
from bot.demo.remarks import Thread
from bot.demo.talk import read_talk
from bot.demo.team import Team
from tests.bot.demo.reading import file_lines, source

TALK = read_talk()
TRUSTED = {person.login for person in TALK.reviewers}


def review_comments(records: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for record in records:
        yield from record["comments"]


def heeded(team: Team) -> list[Thread]:
    return [thread for thread in team.threads if thread.kind == "remark" and thread.is_heeded]


def test_the_counts_are_as_promised(team: Team, records: list[dict[str, Any]]) -> None:
    kinds = Counter(thread.kind for thread in team.threads)
    assert len(team.threads) >= 500
    assert 400 <= len(heeded(team)) <= 480
    assert kinds["nit"] == kinds["question"] == kinds["machine"] == 24
    assert (kinds["praise"], kinds["outsider"], kinds["self"]) == (18, 11, 10)
    assert sum(not record["pull"]["merged"] for record in records) == 4
    assert sum(not record["comments"] for record in records) >= 6
    answered = [thread for thread in heeded(team) if len(thread.notes) > 1]
    assert 0.8 <= len(answered) / len(heeded(team)) <= 0.94
    suggested = [thread for thread in heeded(team) if "```suggestion" in thread.notes[0].body]
    assert 0.04 <= len(suggested) / len(heeded(team)) <= 0.14
    assert len(list((team.archive / "issues").glob("*.json"))) >= 5


def test_all_rules_are_remarked_on_in_every_part_of_the_time(team: Team) -> None:
    closed = {pull.plan.number: pull.plan.closed_at for pull in team.pulls}
    remarks = sorted(heeded(team), key=lambda thread: closed[thread.pull])
    for share in range(5):
        part = remarks[share * len(remarks) // 5 : (share + 1) * len(remarks) // 5]
        assert len({thread.placement.piece.rule for thread in part}) == 12


def test_no_remark_is_repeated_word_for_word_the_next_time(team: Team) -> None:
    last: dict[str | None, str] = {}
    for thread in team.threads:
        if thread.kind == "remark":
            rule, body = thread.placement.piece.rule, thread.notes[0].body
            assert body != last.get(rule)
            assert "{name}" not in body
            last[rule] = body


def test_a_comment_hangs_on_the_line_that_its_hunk_ends_with(
    team: Team, records: list[dict[str, Any]]
) -> None:
    for comment in review_comments(records):
        lines = file_lines(team.repository, comment["original_commit_id"], comment["path"])
        end = comment["diff_hunk"].split("\n")[-1]
        assert end[0] in "+ "
        assert end[1:] == lines[comment["original_line"] - 1]
        if comment["line"] is not None:
            now = file_lines(team.repository, comment["commit_id"], comment["path"])
            assert end[1:] == now[comment["line"] - 1]


def test_a_hunk_counts_its_lines_from_its_header_on(records: list[dict[str, Any]]) -> None:
    for comment in review_comments(records):
        header, *body = comment["diff_hunk"].split("\n")
        first = int(header.split("+")[1].split(",")[0].split(" ")[0])
        new_lines = sum(line[:1] != "-" for line in body)
        assert first + new_lines - 1 == comment["original_line"]
        assert comment["original_position"] >= len(body)


def test_a_remark_stands_on_the_planted_line(team: Team, records: list[dict[str, Any]]) -> None:
    roots = {
        (comment["body"], comment["user"]["login"], comment["created_at"]): comment
        for comment in review_comments(records)
    }
    for thread in team.threads:
        if thread.kind != "remark":
            continue
        note, piece = thread.notes[0], thread.placement.piece
        comment = roots[note.body, note.author.login, note.at.strftime("%Y-%m-%dT%H:%M:%SZ")]
        start = comment["original_start_line"] or comment["original_line"]
        lines = file_lines(team.repository, comment["original_commit_id"], comment["path"])
        assert lines[start - 1] == piece.broken()[piece.fault - 1]
        assert comment["user"]["login"] in TRUSTED


def test_a_heeded_remark_is_outdated_and_its_line_repaired(
    team: Team, records: list[dict[str, Any]]
) -> None:
    heads = {record["pull"]["number"]: record["pull"]["head"]["sha"] for record in records}
    for thread in heeded(team):
        piece, pull = thread.placement.piece, thread.pull
        files = next(one for one in team.pulls if one.plan.number == pull)
        module = files.head[thread.placement.module]
        lines = file_lines(team.repository, heads[pull], module.path)
        start = module.first_line(piece.id) - 1
        assert lines[start : start + len(piece.repaired())] == piece.repaired()


def test_an_applied_suggestion_gives_the_repaired_lines(
    team: Team, records: list[dict[str, Any]]
) -> None:
    suggested = [
        comment for comment in review_comments(records) if "```suggestion" in comment["body"]
    ]
    assert suggested
    wanted = {source(piece.repaired()) for piece in read_content().pieces}
    for comment in suggested:
        new = comment["body"].split("```suggestion\n")[1].removesuffix("\n```").split("\n")
        lines = list(file_lines(team.repository, comment["original_commit_id"], comment["path"]))
        end = comment["original_line"]
        lines[(comment["original_start_line"] or end) - 1 : end] = new
        assert any(text in "\n".join(lines) for text in wanted if new[0] in text)


def test_people_have_the_standing_they_should(records: list[dict[str, Any]]) -> None:
    seen = {}
    for comment in review_comments(records):
        user = comment["user"]
        seen[user["login"]] = (user["type"], comment["author_association"])
    assert seen["lint-bot[bot]"] == ("Bot", "NONE")
    assert seen[TALK.outsider.login] == ("User", "NONE")
    assert {seen[login][1] for login in TRUSTED} == {"OWNER", "MEMBER"}
    assert len(seen) == 3 + 5 + 1 + 1


def test_events_and_comments_of_a_pull_come_in_order(records: list[dict[str, Any]]) -> None:
    for record in records:
        pull = record["pull"]
        times = [event.get("submitted_at") or event["created_at"] for event in record["events"]]
        times = [time for time in times if time]
        assert times == sorted(times)
        said = [comment["created_at"] for comment in record["comments"]]
        assert said == sorted(said)
        assert all(pull["created_at"] < time <= pull["closed_at"] for time in said)
        ids = {comment["id"] for comment in record["comments"]}
        assert all(comment["in_reply_to_id"] in {None, *ids} for comment in record["comments"])
        reviews = {event["id"] for event in record["events"] if event["event"] == "reviewed"}
        assert {comment["pull_request_review_id"] for comment in record["comments"]} <= reviews
        states = [event["state"] for event in record["events"] if event["event"] == "reviewed"]
        assert (states.count("APPROVED") == 1) == pull["merged"]
        kinds = [event["event"] for event in record["events"]]
        assert ("merged" in kinds) == pull["merged"]
        assert "closed" in kinds


def test_all_addresses_lead_to_the_sample_repository(records: list[dict[str, Any]]) -> None:
    ids: list[int] = []
    for record in records:
        number = record["pull"]["number"]
        page = f"https://github.com/tidewater/harbor/pull/{number}"
        assert record["pull"]["html_url"] == page
        assert record["pull"]["base"]["repo"]["full_name"] == "tidewater/harbor"
        for comment in record["comments"]:
            assert comment["html_url"] == f"{page}#discussion_r{comment['id']}"
            ids.append(comment["id"])
    assert len(ids) == len(set(ids))


def test_a_pull_has_the_fields_that_the_real_tool_writes(records: list[dict[str, Any]]) -> None:
    for record in records:
        assert list(record) == ["type", "pull", "events", "comments"]
    comment = next(review_comments(records))
    assert set(comment) == {
        "url",
        "pull_request_review_id",
        "id",
        "node_id",
        "diff_hunk",
        "path",
        "position",
        "original_position",
        "commit_id",
        "original_commit_id",
        "in_reply_to_id",
        "user",
        "body",
        "created_at",
        "updated_at",
        "html_url",
        "author_association",
        "_links",
        "start_line",
        "original_start_line",
        "start_side",
        "line",
        "original_line",
        "side",
    }
