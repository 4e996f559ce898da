"""Nothing that a model says acts on the host, however it is told to; nor does anything else.

The few strings here are of `make test`; the slow lane makes 100,000.
"""

import random
from collections.abc import Sequence

import pytest

from bot.hosts import PullHead, ReviewText
from bot.hosts.github import GitHubPulls
from bot.review import review
from bot.reviewers import draft_of
from bot.saying.comment import Wording, write_review
from bot.saying.earlier import look_back
from bot.saying.posting import Standing, post_draft
from bot.saying.sanitize import sanitize
from bot.saying.summary import write_summary
from postil.answer import Anchor
from postil.diff import parse_diff
from postil.marker import SHAPE
from postil.records import Draft, PostedComment, Way
from postil.settings import ReviewSettings
from tests.bot.fake_pulls import KEY, REPO, small_pull
from tests.bot.harmless import TEXT_TAGS, live
from tests.bot.payloads import PAYLOADS
from tests.bot.saying.test_sanitize import BLOB, PIECES
from tests.bot.stub_model import StubModel
from tests.fakes import ROW
from tests.github_fake import FakeGitHub

NAMES = [name for name, _ in PAYLOADS]
OURS = TEXT_TAGS | {"blockquote", "strong", "table", "thead", "tbody", "tr", "th", "td"}
OURS |= {"details", "summary"}
PAST = "https://redirect.github.com/team/shop/pull/"
FEW, MANY = 1_000, 100_000


def generated(count: int, seed: int) -> list[str]:
    """Strings of hostile pieces and of pieces of the named attacks."""
    draw = random.Random(seed)
    pieces = [*PIECES, *(line for _, text in PAYLOADS for line in text[:300].split("\n"))]
    return ["".join(draw.choices(pieces, k=draw.randint(1, 30))) for _ in range(count)]


def harmful(texts: Sequence[str]) -> list[tuple[str, list[str]]]:
    """Those that come out of the sanitiser with anything live in them, also as a quote."""
    found = []
    for text in texts:
        shown = sanitize(text, [BLOB])
        quoted = "\n".join(f"> {line}" for line in shown.split("\n"))
        acts = live(shown, [BLOB]) + live(quoted, [BLOB], TEXT_TAGS | {"blockquote"})
        found += [(text, acts)] if acts else []
    return found


@pytest.mark.parametrize(("name", "text"), PAYLOADS, ids=NAMES)
def test_a_named_attack_comes_out_harmless(name: str, text: str) -> None:
    assert harmful([text]) == []


def test_generated_strings_come_out_harmless() -> None:
    assert harmful(generated(FEW, seed=1)) == []


@pytest.mark.slow
def test_a_hundred_thousand_generated_strings_come_out_harmless() -> None:
    assert harmful(generated(MANY, seed=2)) == []


def test_the_check_itself_sees_what_is_live() -> None:
    for text in ("@ada", "#1", "![a](b)", "<b>x</b>", "www.evil.example", "/lgtm", "x $y$"):
        assert live(text)


class Obedient(StubModel):
    """Speaks about every window and says exactly what the added lines tell it to."""

    def __init__(self, way: Way) -> None:
        super().__init__({"": ""}, way=way)

    def write(
        self, instructions: Sequence[str], places: Sequence[Anchor], max_tokens: int
    ) -> list[str]:
        return ["\n".join(_told(text)) for text in instructions]


def _told(instruction: str) -> list[str]:
    rows = (ROW.match(line) for line in instruction.split("\n"))
    return [row["text"] for row in rows if row and row["mark"] == "+"]


def attack(texts: Sequence[str]) -> str:
    """A diff whose files hold these texts."""
    files = []
    for number, text in enumerate(texts):
        lines = text.replace("\r", "\n").split("\n")[:20]
        rows = "".join(f"+{line}\n" for line in lines)
        name = f"a{number}.md"
        files.append(
            f"diff --git a/{name} b/{name}\nnew file mode 100644\n--- /dev/null\n+++ b/{name}\n"
            f"@@ -0,0 +1,{len(lines)} @@\n{rows}"
        )
    return "".join(files)


@pytest.mark.parametrize("part", range(4))
def test_a_model_that_obeys_the_diff_does_nothing_but_post_harmless_text(
    part: int, fake: FakeGitHub, pulls: GitHubPulls
) -> None:
    diff = attack([text for _, text in PAYLOADS[part::4]])
    fake.add(REPO, small_pull(diff=diff))
    settings = ReviewSettings(max_comments=50)

    def say(
        head: PullHead, diff: str, draft: Draft, earlier: Sequence[PostedComment]
    ) -> ReviewText | None:
        files = parse_diff(diff)
        return write_review(draft, files, look_back(earlier, files, REPO, 7), KEY, Wording())

    def sum_up(_head: PullHead, draft: Draft, standing: Standing) -> str:
        return write_summary(draft, standing)

    head = pulls.read_pull(7)
    draft = draft_of(head, review(diff, Obedient("write"), settings))
    assert len(draft.findings) > 5
    post_draft(pulls, head, diff, draft, say, sum_up, KEY)
    sent = [(one.method, one.path.rpartition("/")[2]) for one in fake.posts()]
    assert sent == [("POST", "reviews"), ("POST", "comments")]
    asked, summary = (one.body for one in fake.posts())
    assert asked["event"] == "COMMENT" and set(summary) == {"body"}
    bodies = [asked["body"], summary["body"], *(one["body"] for one in asked["comments"])]
    for body in bodies:
        shown = SHAPE.sub("", body)
        fences = [acts for acts in live(shown, [PAST], OURS) if acts != "```suggestion"]
        assert fences == [], shown
