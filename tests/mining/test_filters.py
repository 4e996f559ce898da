"""Which remarks are worth learning from. The remarks are real ones, of git-repo and secp256k1."""

import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mining.filters import drop_reason
from mining.sources.github_threads import read_suggestion
from postil.records import Span
from postil.settings import MiningSettings
from tests.mining.builders import make_thread

REVIEWS = Path(__file__).parents[2] / "../shared/data/reviews"

KEPT = """
Shouldn't we return False here?
Doesn't None make more sense here?
Is it intentional that these messages are no longer printed?
Should we fail if we were given exactly one project?
Why not just initialize `depth = None` at line 1686?
Why does this print not match the format of the one above?
Why are you looking at .repo/repo for this, when elsewhere we use it in each project?
What about `refs/changes/*` as a default here?
how about "transient errors" instead of listing HTTP/429 explicitly ?
What are these 4 lines trying to do? Should they use urlparse?
Did you swap the comments for 5x52 and 10x26?
Can you explain in a comment why we're using the internal one?
Does `ctx->built` need to be reset here?
can you add a sentence at the start here?
please add docstrings to all new funcs
indent these by 2 fewer spaces
Nit: remove the space before `self`
keep the 2 blank lines
s/elif/if/ and remove 1861 to avoid duplicating code?
Looks good, but please name the constant.
Same here, I think we only need the flag once.
same thing as other CL, does it work to capture `pm` here before it's defined in the outer scope?
This is a nice approach but it leaks the handle.
这里应该检查空值
> quoted\\n\\nthis should be above `_project_hook_list`, not below it
""".strip()

DROPPED = """
approval or thanks | LGTM
approval or thanks | utACK
approval or thanks | ACK, `b1` comes from an unsigned char, and we return before this point
approval or thanks | Concept ACK
approval or thanks | Neat!
approval or thanks | This is a cool way to test all the exceptions!
approval or thanks | Looks good to me now.
approval or thanks | Yes, its fine.
approval or thanks | 👍
approval or thanks | Thanks! Nice cleanup.
approval or thanks | +1
only points at another remark | same here
only points at another remark | And here..
only points at another remark | ditto
only points at another remark | same comment about refs/remotes/origin/%s
only points at another remark | (as above)
too short | Missing space after "for"
too short | Nit: dedup error msg.
too short | f-string?
too short | ??
too short | \u00a0
a bare question | What does this do to the `gef` value?
a bare question | Why is this import necessary?
a bare question | Sorry, can you explain what's going on with this change?
a bare question | How is this different from `GitError`?
a bare question | What's going on with stdout here? Why is it always empty?
a bare question | Does the CI server actually have 4 CPUs?
only a link or an image | https://example.org/a/b#c
only a link or an image | ![screen shot](https://example.org/a.png)
only a quote | > this was said before
only code | ```c\\nint a;\\n```
a command to a program | /retest all
a command to a program | @robot rebase
by a bot | Use a constant.\\n<!-- This is an auto-generated comment by OSS CodeRabbit -->
by a bot | 🤖 Consider naming the exception that you expect here.
""".strip()

SETTINGS = MiningSettings()


def reason(body: str, **more: Any) -> str | None:
    return drop_reason(make_thread("a" * 40, 1, body=body, **more), SETTINGS)


@pytest.mark.parametrize("body", KEPT.splitlines())
def test_a_problem_or_a_request_is_kept(body: str) -> None:
    assert reason(body.replace("\\n", "\n")) is None


@pytest.mark.parametrize("line", DROPPED.splitlines())
def test_what_teaches_nothing_is_dropped_by_its_reason(line: str) -> None:
    expected, _, body = line.partition(" | ")
    assert reason(body.replace("\\n", "\n")) == expected


GOOD = "Please name the exception you expect here."


@pytest.mark.parametrize(
    ("author", "kind", "expected"),
    [
        ("ann", "person", None),
        ("ann", "bot", "by a bot"),
        ("ann", "self", "by the author of the change"),
        ("DrahtBot", "person", "by a bot"),
        ("k8s-ci-robot", "person", "by a bot"),
        ("renovate[bot]", "person", "by a bot"),
        ("some-bot", "person", "by a bot"),
        ("copilot-reviewer", "person", "by a bot"),
        ("talbot", "person", None),
        ("Abbott", "person", None),
    ],
)
def test_programs_and_authors_of_the_change_teach_nothing(
    author: str, kind: str, expected: str | None
) -> None:
    assert reason(GOOD, author=author, author_kind=kind) == expected


def test_our_own_comments_are_known_by_their_marker() -> None:
    assert reason(f"{GOOD}\n<!-- postil:1 e30= {'0' * 64} -->") == "by a bot"


def test_a_suggestion_speaks_for_itself() -> None:
    assert reason("nit:\n```suggestion\na = 1\n```", suggestion="a = 1\n") is None


def test_a_file_left_out_drops_its_remarks() -> None:
    span = Span(path="web/yarn.lock", side="RIGHT", start=1, end=1)
    assert reason(GOOD, span=span) == "on a file left out: lock file"


def test_how_many_words_a_remark_needs_is_a_setting() -> None:
    thread = make_thread("a" * 40, 1, body="use f-strings")
    assert drop_reason(thread, MiningSettings(min_words=2)) is None
    assert drop_reason(thread, MiningSettings(min_words=3)) == "too short"


@given(st.text())
def test_any_text_has_one_answer(body: str) -> None:
    assert reason(body) is None or isinstance(reason(body), str)


@pytest.mark.parametrize("piece", ["nice ", "same here ", "so, ", "this it ", "looks ", "a-"])
def test_a_hostile_remark_costs_no_time(piece: str) -> None:
    reason(piece * (65536 // len(piece)))


def tally(name: str) -> Counter[str | None]:
    found: Counter[str | None] = Counter()
    with gzip.open(REVIEWS / f"{name}.jsonl.gz") as file:
        for record in map(json.loads, file):
            body = record["comment"]
            kind = "self" if record.get("author_is_pr_author") else "person"
            found[reason(body, author_kind=kind, suggestion=read_suggestion(body))] += 1
    return found


@pytest.mark.skipif(not REVIEWS.exists(), reason="the shared review samples are not here")
@pytest.mark.parametrize("name", ["git-repo", "secp256k1"])
def test_most_real_remarks_are_kept_and_few_are_bare_questions(name: str) -> None:
    found = tally(name)
    assert 0.7 < found[None] / found.total() < 0.85
    assert 0.002 < found["a bare question"] / found.total() < 0.02


@pytest.mark.skipif(not REVIEWS.exists(), reason="the shared review samples are not here")
def test_the_comments_of_a_review_program_are_known_by_their_text() -> None:
    assert tally("bot-comments-sample")["by a bot"] >= 105  # those of the one that signs them
