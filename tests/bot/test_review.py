"""The sentence of a review over golden diffs, and its edges, with a model that knows rules.

POSTIL_REWRITE_GOLDEN=1 .venv/bin/pytest tests/bot/test_review.py   # then read the difference
"""

import itertools
import json
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.outcomes.tuned import TunedKind, Tuning
from bot.output.render import render_json
from bot.review import Reviewed, read_nothing, review
from bot.saying.placement import place_all
from finetune.categories import categorize
from postil.answer import Anchor
from postil.diff import parse_diff
from postil.errors import PayloadError
from postil.records import Way, Window
from postil.settings import ReviewSettings
from tests.bot.stub_model import StubModel

GOLDEN = Path(__file__).parent / "golden"
RULES = {"print(": "Log it instead of printing it."}
SETTINGS = ReviewSettings(ignore=("docs/*",))


def ticking() -> Iterator[float]:
    """A clock that moves on by a quarter of a second at every look."""
    return itertools.count(0.0, 0.25)


def run(
    diff: str, model: StubModel | None = None, max_comments: int = SETTINGS.max_comments
) -> Reviewed:
    ticks = ticking()
    return review(
        diff,
        model or StubModel(RULES),
        msgspec.structs.replace(SETTINGS, max_comments=max_comments),
        clock=lambda: next(ticks),
    )


def added(*texts: str, path: str = "a.py", start: int = 1) -> str:
    """A diff that adds lines to a new file."""
    body = "".join(f"+{text}\n" for text in texts)
    head = f"diff --git a/{path} b/{path}\n--- /dev/null\n+++ b/{path}\n"
    return f"{head}@@ -0,0 +{start},{len(texts)} @@\n{body}"


@pytest.mark.parametrize("case", sorted(GOLDEN.glob("*.diff")), ids=lambda path: path.stem)
def test_a_golden_diff(case: Path) -> None:
    text = case.read_bytes().decode()
    reviewed = run(text)
    placed = place_all(reviewed.findings, parse_diff(text), "team/shop", 7)
    found = render_json(reviewed, placed)
    golden = case.with_suffix(".json")
    if os.environ.get("POSTIL_REWRITE_GOLDEN"):
        golden.write_text(found + "\n")
    assert json.loads(found) == json.loads(golden.read_text())


def test_every_window_is_scored_in_one_call() -> None:
    model = StubModel(RULES, window_lines=4)
    text = added(*["x = 1"] * 30) + added(*["y = 1"] * 30, path="b.py")
    reviewed = run(text, model)
    assert model.asked == {"score": 1, "gate": 1}
    assert reviewed.windows >= 10 and reviewed.findings == ()


def test_nothing_is_asked_of_the_model_where_nothing_can_be_read() -> None:
    model = StubModel(RULES)
    assert run("", model).reviewed == ()
    assert run("diff --git a/x b/x\nBinary files a/x and b/x differ\n", model).skipped == {
        "x": "binary"
    }
    assert model.asked == {}


def test_the_best_come_first_and_the_rest_is_held_back() -> None:
    text = (GOLDEN / "more_than_three.diff").read_text()
    reviewed = run(text, max_comments=2)
    assert [finding.span.start for finding in reviewed.findings] == [2, 13]
    assert reviewed.held_back == 2
    assert run(text, max_comments=0).held_back == 4


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("", "empty"),
        (" \n ", "empty"),
        ("```suggestion\nx\n```", "empty"),
        ("NO_COMMENT", "took back the remark"),
        ("!!! ...", "without a word"),
        ("![x](https://evil.example)", "without a word"),
        ("the same thing again " * 6, "repeats itself"),
        ("same\n" * 5, "repeats itself"),
    ],
)
def test_an_unusable_message_is_dropped_and_counted(said: str, reason: str) -> None:
    reviewed = run(added("print(1)"), StubModel({"print(": said}))
    assert reviewed.findings == () and reviewed.dropped == {reason: 1}
    assert reviewed.held_back == 0


def test_the_next_best_takes_the_place_of_a_dropped_one() -> None:
    text = added("bad = 1") + added("print(1)", path="b.py") + added("print(2)", path="c.py")
    reviewed = run(text, StubModel({"bad": "", **RULES}), max_comments=1)
    assert [finding.span.path for finding in reviewed.findings] == ["b.py"]
    assert reviewed.dropped == {"empty": 1} and reviewed.held_back == 1


def test_without_a_threshold_nothing_is_said() -> None:
    reviewed = run(added("print(1)"), StubModel(RULES, threshold=None))
    assert reviewed.findings == () and reviewed.reviewed == ("a.py",)


def test_by_recall_a_past_remark_is_quoted() -> None:
    (finding,) = run(added("print(1)"), StubModel(RULES, way="recall")).findings
    assert finding.message == "Log it instead, please."
    assert finding.resembles[0].similarity == 0.8


def test_a_suggestion_is_kept_on_the_new_side_only() -> None:
    said = "Log it.\n```suggestion\nlog(1)\n```"
    model = StubModel({"print(": said})
    (finding,) = run(added("print(1)"), model).findings
    assert (finding.message, finding.suggestion) == ("Log it.", "log(1)\n")
    removed = (GOLDEN / "removed_lines.diff").read_text()
    (finding,) = run(removed, model).findings
    assert (finding.span.side, finding.suggestion) == ("LEFT", None)


@pytest.mark.parametrize(
    "tail", ["```suggestion\nlog(", "```suggestion\n/lgtm\n```", "```suggestion\nx\n```\nmore"]
)
def test_an_unfit_suggestion_leaves_the_message(tail: str) -> None:
    (finding,) = run(added("print(1)"), StubModel({"print(": f"Log it.\n{tail}"})).findings
    assert (finding.message, finding.suggestion) == ("Log it.", None)


def test_what_is_beyond_the_budget_is_named_in_whole_or_in_part() -> None:
    model = StubModel(RULES, window_lines=4)
    parts = [added("x = 1", path=f"{name}.py") for name in "abc"]
    large = added(*["x = 1"] * 60, path="large.py")
    few = msgspec.structs.replace(SETTINGS, most_windows=3)
    reviewed = review("".join([large, *parts]), model, few)
    assert reviewed.reviewed == ("large.py", "a.py", "b.py") and reviewed.windows == 3
    of_large, of_c = reviewed.skipped["large.py"], reviewed.skipped["c.py"]
    assert of_large == "14 of 15 windows over the budget of 3 windows a change"
    assert of_c == "1 of 1 windows over the budget of 3 windows a change"


def test_a_line_of_a_megabyte_is_read_like_any_other() -> None:
    model = StubModel(RULES)
    begun = time.process_time()
    reviewed = run(added("print(1)", "x" * 1_000_000, "print('" + "(" * 1_000_000), model)
    assert time.process_time() - begun < 2
    assert reviewed.reviewed == ("a.py",) and reviewed.windows == 1
    assert [finding.span.start for finding in reviewed.findings] == [1]


def test_a_combined_diff_is_refused() -> None:
    with pytest.raises(PayloadError, match="combined diff of a merge"):
        run("diff --cc a.py\n@@@ -1 -1 +1 @@@\n++x\n")


def test_where_no_adapter_speaks_every_file_is_named() -> None:
    reviewed = read_nothing(added("x") + added("y", path="b.py"), "no adapter")
    assert reviewed.skipped == {"a.py": "no adapter", "b.py": "no adapter"}
    assert reviewed.reviewed == () and reviewed.adapter == ""


LINES = st.lists(st.sampled_from(["print(1)", "x = 1", "", "    y", "+print(2)"]), min_size=1)


@settings(max_examples=150)
@given(st.lists(LINES, max_size=5), st.integers(4, 30), st.integers(0, 5))
def test_every_file_is_read_or_named_and_every_finding_has_a_line(
    files: list[list[str]], window_lines: int, most: int
) -> None:
    text = "".join(added(*lines, path=f"f{at}.py") for at, lines in enumerate(files))
    model = StubModel(RULES, window_lines=window_lines)
    reviewed = run(text, model, most)
    assert {*reviewed.reviewed, *reviewed.skipped} == {f"f{at}.py" for at in range(len(files))}
    assert len(reviewed.findings) <= most
    placed = place_all(reviewed.findings, parse_diff(text))
    assert all(one.place.kind == "line" for one in placed)
    assert all("print(" in "\n".join(one.place.text) for one in placed)


def test_a_kind_of_remark_is_held_to_its_own_threshold() -> None:
    kind = categorize(RULES["print("])
    diff = added("print(x)")

    def found(threshold: float | None) -> Reviewed:
        model = StubModel(RULES)
        model.info = msgspec.structs.replace(model.info, by_kind={kind: threshold})
        return run(diff, model)

    assert len(found(0.9).findings) == 1
    assert found(0.999).dropped == {f"not sure enough for the kind {kind}": 1}
    assert found(None).dropped == {f"remarks of the kind {kind} are never right often enough": 1}


@pytest.mark.parametrize(("way", "shown"), [("write", 0), ("recall+write", 1)])
def test_own_words_are_asked_for_with_past_remarks_before_them_if_that_is_the_way(
    way: Way, shown: int
) -> None:
    class Listening(StubModel):
        heard: tuple[str, ...] = ()

        def write(
            self, instructions: Sequence[str], places: Sequence[Anchor], max_tokens: int
        ) -> list[str]:
            self.heard = tuple(instructions)
            return super().write(instructions, places, max_tokens)

    model = Listening(RULES, way=way)
    run(added("print(x)"), model)
    assert [text.count("Earlier, on ") for text in model.heard] == [shown]


@pytest.mark.parametrize("newcomer", [True, False, None])
def test_the_gate_hears_whether_it_is_the_author_s_first_change(newcomer: bool | None) -> None:
    heard = []

    class Listening(StubModel):
        def gate(
            self, windows: Sequence[Window], scores: Sequence[float], newcomer: bool | None = None
        ) -> list[float]:
            heard.append(newcomer)
            return super().gate(windows, scores, newcomer)

    review(added("print(x)"), Listening(RULES), SETTINGS, newcomer=newcomer)
    assert heard == [newcomer]


def test_what_outcomes_silence_is_not_said_and_named_with_the_reason() -> None:
    text = added("print(1)", "x = 1") + added("print(2)", path="b.py")
    spoken = run(text)
    (kind,) = {categorize(one.message) for one in spoken.findings}
    muted = Tuning(
        repo="o/r", adapter="a", kinds={kind: TunedKind(threshold=None, reason="muted: x")}
    )
    silent = review(text, StubModel(RULES), SETTINGS, tuning=muted)
    assert spoken.findings and silent.findings == ()
    assert silent.silenced == {"muted: x": len(spoken.findings)}
    assert silent.held_back == spoken.held_back == 0
    assert sum(silent.chances) == silent.windows == sum(spoken.chances)
