"""A bare clone: applied suggestions and answers to review become remarks, nothing else does."""

from collections import Counter
from pathlib import Path

import pytest

from mining.examples import build_examples
from mining.repository import open_repository
from mining.sources.history import History, read
from mining.sources.history_change import UNNAMED
from mining.sources.history_words import answers_review, reviewers, words_of
from postil.answer import parse_answer
from postil.errors import SourceError
from postil.records import Change
from postil.settings import MiningSettings
from tests.tiny_git import TinyGit

OLGA, RITA = "Olga", "Rita"
BY_RITA = "Apply suggestions from code review\n\nCo-authored-by: Rita <rita@example.org>"
LINES = [f"line {n}\n" for n in range(1, 13)]


def text(**changed: str) -> str:
    """Twelve lines, some of them others: `text(l3="new")`."""
    lines = list(LINES)
    for name, line in changed.items():
        lines[int(name[1:]) - 1] = line
    return "".join(lines)


@pytest.fixture
def git(tmp_path: Path) -> TinyGit:
    """A repository in which Rita has merged pull request 1."""
    git = TinyGit(tmp_path / "git")
    start = git.commit({"a.py": "start\n"})
    side = git.commit({"b.py": "b\n"}, message="Add b", author=OLGA)
    git.commit({}, start, message="Merge pull request #1 from olga/b", author=RITA, merged=side)
    git.run("branch", "--force", "main", "HEAD")
    return git


def squash(git: TinyGit, number: int, files: dict[str, str | bytes | None]) -> None:
    """Land pull request `number` as GitHub does when it squashes."""
    head = git.run("rev-parse", "HEAD")
    git.ref(f"refs/pull/{number}/head", head)
    git.run("checkout", "--quiet", "main")
    git.commit(files, message=f"Change a (#{number})", author=OLGA)


def mined(git: TinyGit) -> dict[str, Change]:
    source = History(str(git.folder), None, "team/harbour")
    return {payload.key: read(payload.body) for payload in source.fetch(None, None)}


def branch(git: TinyGit, *messages: str) -> None:
    """Olga's branch: she writes the file, then each commit changes one more line."""
    git.commit({"a.py": text()}, "main", message="Write a", author=OLGA)
    changed = {}
    for number, message in enumerate(messages):
        line = (3, 8, 12)[number]
        changed[f"l{line}"] = f"better {line}\n"
        git.commit({"a.py": text(**changed)}, message=message, author=OLGA)


def test_an_applied_suggestion_is_a_remark_by_its_co_author_and_is_learned(git: TinyGit) -> None:
    branch(git, BY_RITA)
    squash(git, 2, {"a.py": text(l3="better 3\n")})
    change = mined(git)["2"]
    (thread,) = change.threads
    assert (thread.author, thread.span.start, thread.span.end) == ("Rita", 3, 3)
    assert thread.suggestion == "better 3\n"
    assert thread.revision == change.pull.revisions[0].sha
    with open_repository(git.folder) as repository:
        examples, funnel = build_examples([*mined(git).values()], repository, MiningSettings())
    (remark,) = [example for example in examples if example.kind == "remark"]
    assert funnel.teachers == {"had merged before": 1}
    answer = parse_answer(remark.response)
    assert answer is not None
    assert (answer.message, answer.suggestion) == ("Suggested change:", "better 3\n")
    assert remark.tier == "A"
    assert not [example for example in examples if example.kind == "silence"]


def test_a_suggestion_by_somebody_who_never_merged_teaches_nothing(git: TinyGit) -> None:
    branch(git, BY_RITA.replace("Rita", "Mallory"))
    squash(git, 2, {"a.py": text(l3="better 3\n")})
    with open_repository(git.folder) as repository:
        _, funnel = build_examples([*mined(git).values()], repository, MiningSettings())
    assert funnel.remarks["not by a trusted reviewer"] == 1


def test_an_answer_to_review_says_what_its_subject_says(git: TinyGit) -> None:
    branch(git, "Address review: name the unit in line 3", "Tidy up", "Address review comments")
    squash(git, 2, {"a.py": text(l3="x\n")})
    first, second = mined(git)["2"].threads
    assert (first.body, first.author, first.span.start) == ("name the unit in line 3", UNNAMED, 3)
    assert (second.body, second.span.start) == ("", 12)
    assert [reply.body for reply in first.replies] == ["Done."]


def test_a_merged_branch_is_read_without_any_pull_ref(git: TinyGit) -> None:
    branch(git, BY_RITA)
    head = git.run("rev-parse", "HEAD")
    said = "Merge pull request #3 from olga/a\n\nBerth ships"
    git.commit({}, "main", message=said, author=RITA, merged=head)
    git.run("branch", "--force", "main", "HEAD")
    change = mined(git)["3"]
    assert (change.pull.title, len(change.threads), change.complete) == ("Berth ships", 1, False)
    assert [r.sha for r in change.pull.revisions][-1] == head


def test_pull_requests_that_never_landed_are_no_changes(git: TinyGit) -> None:
    branch(git, BY_RITA)
    git.ref("refs/pull/9/head", git.run("rev-parse", "HEAD"))
    git.run("checkout", "--quiet", "main")
    assert list(mined(git)) == ["1"]


def test_insertions_deletions_and_blank_changes(git: TinyGit) -> None:
    git.commit({"a.py": text()}, "main", message="Write a", author=OLGA)
    after = text(l2="line 2\nnew\n", l6="", l10="line  10\n")
    git.commit({"a.py": after}, message=BY_RITA, author=OLGA)
    squash(git, 2, {"a.py": after})
    found = [(t.span.start, t.suggestion) for t in mined(git)["2"].threads]
    assert found == [(2, "line 2\nnew\n"), (6, "")]


def test_a_commit_that_reworks_much_is_counted_and_left(git: TinyGit) -> None:
    many = [f"{n}\n\n\n\n\n\n\n\n" for n in range(20)]
    git.commit({"a.py": "".join(many)}, "main", message="Write a", author=OLGA)
    git.commit({"a.py": "".join(f"x{line}" for line in many)}, message=BY_RITA, author=OLGA)
    squash(git, 2, {"a.py": "".join(f"x{line}" for line in many)})
    source = History(str(git.folder), None, None)
    dropped: Counter[str] = Counter()
    threads = [t for p in source.fetch(None, None) for t in read(p.body, dropped).threads]
    assert threads == []
    assert dropped == {"commit that answers too much at once": 1}


def test_mining_twice_gives_the_same_bytes(git: TinyGit) -> None:
    branch(git, BY_RITA)
    squash(git, 2, {"a.py": "x\n"})
    first, second = (list(History(str(git.folder), None, None).fetch(None, None)) for _ in "ab")
    assert first == second


def test_since_and_until_go_by_the_landing(git: TinyGit) -> None:
    branch(git, BY_RITA)
    squash(git, 2, {"a.py": "x\n"})
    source = History(str(git.folder), None, None)
    one, two = source.fetch(None, None)
    assert one.moved and two.moved
    assert [p.key for p in source.fetch(two.moved, None)] == ["2"]
    assert [p.key for p in source.fetch(None, one.moved)] == ["1"]


def test_a_folder_without_commits_is_refused(tmp_path: Path) -> None:
    TinyGit(tmp_path / "empty")
    with pytest.raises(SourceError, match="without commits"):
        History(str(tmp_path / "empty"), None, None)
    with pytest.raises(SourceError, match="not a git repository"):
        History(str(tmp_path), None, None)


@pytest.mark.parametrize(
    "subject",
    [
        "Address review comments",
        "review feedback",
        "Apply Joe's suggestions from code review",
        "Changed variable names according to review comments.",
        "Fixes per review",
        "Address second round of review comments",
        "more review comments.",
        "(fix): try to address pandas comments",
    ],
)
def test_subjects_of_xarray_that_answer_review(subject: str) -> None:
    assert answers_review(subject)


@pytest.mark.parametrize(
    "subject",
    [
        "Fix comment in docstring parser",
        "Merge branch 'main' into review",
        'Revert "Address review"',
        "Update a.py",
        "Add a page on code review",
    ],
)
def test_subjects_that_do_not(subject: str) -> None:
    assert not answers_review(subject)


def test_only_the_subject_names_the_pull_request(git: TinyGit) -> None:
    git.commit({"c.py": "c"}, "main", message="Write c\n\nAfter a talk\n(#77)", author=OLGA)
    git.run("branch", "--force", "main", "HEAD")
    assert list(mined(git)) == ["1"]


def test_hostile_names_and_subjects_cost_neither_time_nor_a_crash(git: TinyGit) -> None:
    branch(git, "Address review: " + "@-" * 20_000 + "x")
    git.commit({"d.py": "d"}, message="Hide", author="Mal\x1f1\x1flory")
    squash(git, 2, {"a.py": "x\n"})
    assert len(mined(git)["2"].threads) == 1
    assert words_of("@-" * 20_000 + "x y") != ""
    assert reviewers("Update a.py\n\nCo-authored-by: " + " " * 200_000) == ()


def test_words_and_names_in_a_message() -> None:
    assert words_of("Address review comments") == ""
    assert words_of("Address review: use np.testing") == "use np.testing"
    assert words_of(BY_RITA) == ""
    assert words_of("Address @rita's review comments (#12)") == ""
    assert words_of("Address second round of review comments") == ""
    assert reviewers("Apply suggestion from @keewis") == ("keewis",)
    assert reviewers(BY_RITA) == ("Rita",)
