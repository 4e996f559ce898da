"""Outcomes read from a fake GitHub, its GraphQL checked by GitHub's own schema, and from git."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.door.inbox import Inbox
from bot.hosts.access import GitHubAccess
from bot.hosts.closed_pulls import ClosedPulls
from bot.hosts.sign_in import Personal
from bot.outcomes.book import Book
from bot.outcomes.judge import GONE, NOTHING, OPEN, Judge
from bot.work.ledger import Ledger
from mining.sources import github
from postil.errors import HostingError
from postil.marker import Marker, render_marker, words_key
from postil.records import Draft, Finding, Outcome, Span
from postil.settings import MiningSettings
from tests.archive_server import TOKEN, Answer, ArchiveServer
from tests.mining.archive_builder import REPO, comment, pull, record, user
from tests.tiny_git import TinyGit

pytestmark = pytest.mark.usefixtures("schema")

KEY = b"the key of our markers"
US = "postil"
Json = dict[str, Any]
SAID = {
    5: "Please rename this variable.",
    9: "Log this instead of printing it.",
    13: "Name the exception you expect here.",
    17: "This can be simplified.",
}


class Access(GitHubAccess):
    """GitHub by HTTP; its commits lie in a folder."""

    commits: Path
    now = 0

    def closed(self, repo: str) -> ClosedPulls:
        ours = super().closed(repo)
        return ClosedPulls(repo, str(self.commits), "", ours._source, github.read)


class Stage:
    """The host with one closed pull request that has four comments of ours."""

    def __init__(self, folder: Path) -> None:
        self.git = TinyGit(folder / "git")
        self.git.run("config", "uploadpack.allowAnySHA1InWant", "true")
        lines = [f"line {n}" for n in range(1, 21)]
        self.head = self.git.commit({"ships.py": "".join(f"{line}\n" for line in lines)})
        lines[4], lines[8] = "renamed = 5", "log(9)"
        self.last = self.git.commit({"ships.py": "".join(f"{line}\n" for line in lines)})
        five, nine, thirteen, seventeen = (self.ours(n) for n in SAID)
        five["body"] = five["body"].replace("\n\n", "\n\n```suggestion\nrenamed = 5\n```\n\n", 1)
        nine |= {"resolved": True, "resolved_by": "mia"}
        dislike = {"content": "THUMBS_DOWN", "user": {"login": "mia"}}
        seventeen["reactions_by"] = [dislike]
        answer = comment(
            359, in_reply_to_id=thirteen["id"], user=user("mia"), body="No, this is wrong."
        )
        person = comment(400, original_commit_id=self.head, diff_hunk=hunk(9), user=user("rita"))
        comments = [five, nine, thirteen, seventeen, answer, person]
        self.records: dict[int, Json] = {7: self.pull(comments)}
        self.host = ArchiveServer(REPO, self.records)
        self.host.writers = frozenset({"mia", "olga", "rita"})
        self.inbox = Inbox(f"sqlite:///{folder / 'inbox.db'}")
        self.book = Book(self.inbox.database)

    def pull(self, comments: list[Json], **more: Any) -> Json:
        told = pull(7, head={"sha": self.last, "repo": None}, **more)
        return record(7, pull=told, comments=comments, talk=[])

    def ours(self, line: int, **more: Any) -> Json:
        words = SAID[line]
        return comment(
            100 + line,
            user=user(US),
            original_commit_id=self.head,
            diff_hunk=hunk(line),
            body=f"{words}\n\n{render_marker(self.marker(line), KEY)}",
            **more,
        )

    def marker(self, line: int) -> Marker:
        return Marker(
            place=f"{line:064x}",
            fingerprint="f",
            head_sha=self.head,
            adapter="one",
            text="t",
            rows=1,
            words=words_key(SAID[line]),
        )

    def access(self) -> Access:
        ledger = Ledger(self.inbox.database)
        sign_in = Personal(TOKEN, US)
        access = Access(sign_in, KEY, f"{self.host.address}/api/v3", ledger)
        access.commits = self.git.folder
        return access

    def judge(self, **more: Any) -> str:
        with closing(self.access()) as access:
            judge = Judge(self.book, access, KEY, MiningSettings(), **more)
            return judge.judge(REPO, 7)

    def kept(self) -> dict[str, Outcome]:
        """Ours by the line's number, people's by their id."""
        return {
            str(int(one.key, 16)) if one.said_by == "postil" else one.key: one
            for one in self.book.outcomes(REPO)
        }


def hunk(line: int) -> str:
    """A hunk that ends at a line of an added file."""
    added = "".join(f"\n+line {n}" for n in range(1, line + 1))
    return f"@@ -0,0 +1,20 @@{added}"


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(tmp_path)
    with stage.host.serve(), closing(stage.inbox):
        yield stage


def test_what_people_did_is_read_right(stage: Stage) -> None:
    assert stage.judge() == "judged: 2 of 4 remarks acted on"
    kept = stage.kept()
    assert {key: (one.verdict, one.tier) for key, one in kept.items()} == {
        "5": ("acted on", "A"),
        "9": ("acted on", "C"),
        "13": ("refused", None),
        "17": ("refused", None),
        "400": ("passed over", "D"),
    }
    assert {key: [one.kind for one in kept[key].signals] for key in ("9", "13", "17")} == {
        "9": ["lines changed", "resolved"],
        "13": ["refused"],
        "17": ["disliked"],
    }
    assert [kept[key].decided_by for key in ("5", "9", "13")] == ["olga", "mia", "mia"]
    assert all(one.closed_at == datetime(2024, 5, 3, 8, tzinfo=UTC) for one in kept.values())


def test_judging_again_changes_nothing(stage: Stage) -> None:
    stage.judge(now=lambda: datetime(2024, 5, 4, tzinfo=UTC))
    first = stage.book.outcomes(REPO)
    stage.judge(now=lambda: datetime(2024, 5, 4, tzinfo=UTC))
    assert stage.book.outcomes(REPO) == first


def test_a_stranger_counts_for_nothing(stage: Stage) -> None:
    stage.host.writers = frozenset({"olga"})
    stage.judge()
    verdicts = {key: one.verdict for key, one in stage.kept().items()}
    assert verdicts == {
        "5": "acted on",
        "9": "passed over",
        "13": "passed over",
        "17": "passed over",
    }


def test_where_the_host_does_not_tell_rights_only_the_named_count(stage: Stage) -> None:
    stage.host.writers = None
    stage.judge()
    assert stage.kept()["13"].verdict == "passed over"
    with closing(stage.access()) as access:
        trusting = Judge(stage.book, access, KEY, MiningSettings(trusted=("Mia",)))
        trusting.judge(REPO, 7)
    assert stage.kept()["13"].verdict == "refused"


def test_a_deleted_comment_is_known_by_the_summary(stage: Stage) -> None:
    comments = stage.records[7]["comments"]
    summary = "\n".join(render_marker(stage.marker(line), KEY) for line in SAID)
    talk = {"id": 900, "user": user(US), "body": summary, "html_url": "https://github.com/x"}
    stage.records[7] = stage.pull([one for one in comments if one["id"] != 117])
    stage.records[7]["talk"] = [talk]
    stage.judge()
    kept = stage.kept()["17"]
    assert (kept.verdict, [one.kind for one in kept.signals]) == ("refused", ["deleted"])


def test_a_gone_pull_request_is_not_asked_for_again_and_what_was_judged_stays(stage: Stage) -> None:
    stage.judge()
    del stage.records[7]
    assert stage.judge() == GONE
    assert len(stage.book.outcomes(REPO)) == 5


def test_a_gone_repository_is_no_gone_pull_request(stage: Stage) -> None:
    stage.host.token = "another"
    with pytest.raises(HostingError, match="token has expired"):
        stage.judge()
    assert stage.book.closings(REPO) == {}


@pytest.mark.parametrize("at", range(1, 6))
def test_a_host_that_fails_in_the_middle_loses_nothing(stage: Stage, at: int) -> None:
    stage.host.faults[at] = Answer(403, {"message": "wait"}, {"retry-after": "600"})
    with pytest.raises(HostingError) as caught:
        stage.judge()
    assert caught.value.retry_after_s == 600
    assert stage.book.closings(REPO) == {}
    assert stage.judge() == "judged: 2 of 4 remarks acted on"


def test_a_commit_that_was_thrown_away_is_unknown(stage: Stage) -> None:
    stage.records[7]["comments"][1]["original_commit_id"] = "f" * 40
    stage.judge()
    kept = stage.kept()
    assert (kept["5"].verdict, kept["9"].verdict) == ("acted on", "acted on")
    assert kept["9"].tier == "C"  # its stored hunk ends in a line that the file lost


def test_an_open_pull_request_is_left_for_later(stage: Stage) -> None:
    told = {"state": "open", "closed_at": None, "merged_at": None, "merged_by": None}
    stage.records[7] = stage.pull(stage.records[7]["comments"], **told)
    assert stage.judge() == OPEN
    assert stage.book.closings(REPO) == {}


def test_where_nothing_of_ours_stands_people_are_not_counted(stage: Stage) -> None:
    stage.records[7] = stage.pull([comment(400)])
    assert stage.judge() == NOTHING
    assert stage.book.outcomes(REPO) == []
    assert list(stage.book.closings(REPO)) == [7]


def test_a_marker_of_another_account_is_none_of_ours(stage: Stage) -> None:
    forged = stage.ours(5) | {"user": user("sid")}
    stage.records[7] = stage.pull([forged])
    assert stage.judge() == NOTHING


def test_what_was_only_drafted_is_judged_as_shadow(stage: Stage) -> None:
    span = Span(path="ships.py", side="RIGHT", start=9, end=9)
    finding = Finding(span=span, message=SAID[9], score=0.6)
    stage.inbox.save_draft(
        Draft(
            repo=REPO,
            pull=7,
            head_sha=stage.head,
            adapter="two",
            findings=(finding,),
            reviewed=("ships.py",),
            skipped={},
        )
    )
    stage.records[7] = stage.pull([stage.records[7]["comments"][-1]])
    said = "judged: 1 of 1 remarks of what would have been said acted on"
    assert stage.judge() == said
    (shadow,) = [one for one in stage.book.outcomes(REPO) if one.said_by == "shadow"]
    assert [one.kind for one in shadow.signals] == ["lines changed", "remarked there"]


def test_a_clock_that_jumps_moves_no_outcome(stage: Stage) -> None:
    stage.judge(now=lambda: datetime(2031, 1, 1, tzinfo=UTC))
    later = {key: (one.verdict, one.closed_at) for key, one in stage.kept().items()}
    stage.judge(now=lambda: datetime(2001, 1, 1, tzinfo=UTC))
    assert later == {key: (one.verdict, one.closed_at) for key, one in stage.kept().items()}


def test_a_draft_whose_pull_request_stays_open_is_not_waited_for_forever(tmp_path: Path) -> None:
    now = [datetime(2024, 5, 1, tzinfo=UTC)]
    inbox = Inbox(f"sqlite:///{tmp_path / 'inbox.db'}", now=lambda: now[0])
    with closing(inbox):
        blank: dict[str, Any] = {"findings": (), "reviewed": (), "skipped": {}}
        inbox.save_draft(Draft(repo=REPO, pull=7, head_sha="a" * 40, adapter="one", **blank))
        book = Book(inbox.database)
        assert {repo: pulls for repo, (_, pulls) in book.waiting().items()} == {
            REPO: frozenset({7})
        }
        now[0] += timedelta(days=91)
        assert book.waiting() == {}


def test_without_graphql_it_is_read_over_rest_which_tells_less(stage: Stage) -> None:
    """Nothing of resolving, hiding and reactions; what git and words tell is the same."""
    stage.host.graphql = None
    for told in stage.records[7]["comments"]:
        told.pop("resolved", None)
    stage.judge()
    kept = stage.kept()
    assert {key: (kept[key].verdict, kept[key].tier) for key in ("5", "9", "13", "17")} == {
        "5": ("acted on", "A"),
        "9": ("passed over", "D"),
        "13": ("refused", None),
        "17": ("passed over", None),
    }
    del stage.records[7]
    assert stage.judge() == GONE


def test_a_draft_that_another_head_made_pointless_was_no_shadow(stage: Stage) -> None:
    span = Span(path="ships.py", side="RIGHT", start=9, end=9)
    finding = Finding(span=span, message=SAID[9], score=0.6)
    blank: dict[str, Any] = {"repo": REPO, "pull": 7, "adapter": "two", "skipped": {}}
    old = Draft(head_sha=stage.head, findings=(finding,), reviewed=("ships.py",), **blank)
    stage.inbox.save_draft(old)
    stage.inbox.save_draft(Draft(head_sha=stage.last, findings=(), reviewed=(), **blank))
    stage.inbox.mark_posted(REPO, 7, stage.last)
    stage.records[7] = stage.pull([])
    assert stage.judge() == NOTHING
