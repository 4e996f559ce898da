"""Why windows were spoken about or passed over, as it happened."""

import pytest
from msgspec.structs import replace

from bot.commands.explain_command import read_where
from bot.explaining import Explained, Features, Witness, explain, holds, render_explained
from postil.diff import parse_diff
from postil.records import Window
from postil.settings import ReviewSettings
from tests.bot.memory_adapter import ALWAYS
from tests.bot.stub_model import StubModel

GATE = replace(
    ALWAYS,
    method="logistic",
    features=("speak", "added_rows"),
    coefficients=(2.0, -0.5),
    means=(0.5, 1.0),
    scales=(1.0, 2.0),
    intercept=0.0,
)


def change(*texts: str) -> str:
    """A file with one hunk a text, far from each other."""
    starts = [1 + 50 * number for number in range(len(texts))]
    hunks = [
        f"@@ -{at},1 +{at},2 @@\n kept\n+{text}\n" for at, text in zip(starts, texts, strict=True)
    ]
    return "diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n" + "".join(hunks)


def features(_window: Window, score: float) -> Features:
    return Features(values={"speak": score, "added_rows": 1.0}, like=())


def run(diff: str, model: StubModel, most: int = 3) -> list[Explained]:
    settings = ReviewSettings(max_comments=most)
    found, _ = explain(parse_diff(diff), Witness(model), settings, GATE, features)
    return found


def test_every_window_has_its_verdict_in_the_order_of_the_diff() -> None:
    model = StubModel({"print": "Log it.", "empty": "!"})
    found = run(change("x = 1", "print(1)", "empty()", "print(2)"), model, most=1)
    assert [one.verdict for one in found] == [
        "passed over",
        "spoken about",
        "held back",
        "held back",
    ]
    found = run(change("empty()", "print(2)"), model)
    assert [one.verdict for one in found] == ["message unusable", "spoken about"]


def test_what_moved_the_prior_stands_for_it() -> None:
    gate = replace(
        GATE, features=("prior", "added_rows"), coefficients=(2.0, -0.5), scales=(4.0, 2.0)
    )

    def told(_window: Window, _score: float) -> Features:
        values = {"prior": 1.0, "added_rows": 1.0, "words": 0.7}
        return Features(values=values, like=(), weighed={"words": 3.0, "added_rows": -1.0})

    witness = Witness(StubModel({"print": "Log it."}))
    (one,) = explain(parse_diff(change("print(1)")), witness, ReviewSettings(), gate, told)[0]
    moved = {reason.feature: reason.moved for reason in one.reasons}
    assert moved == {"words": 1.5, "added_rows": -0.5, "prior": pytest.approx(0.25 - 1.0)}
    whole = sum(gate.contributions(told(one.window, 1.0).values).values())
    assert sum(moved.values()) == pytest.approx(whole), "nothing that moved it is lost"


def test_what_moved_the_probability_comes_first() -> None:
    (one,) = run(change("print(1)"), StubModel({"print": "Log it."}))
    assert [(reason.feature, reason.moved) for reason in one.reasons] == [
        ("speak", 1.0),
        ("added_rows", 0.0),
    ]
    shown = render_explained(one, 3)
    assert shown.startswith("a.py:1-2: spoken about\n    probability 0.99, threshold 0.50\n")
    assert "    +1.00 speak = 1.00" in shown and shown.endswith("    says: Log it.")


def test_without_a_threshold_it_says_so() -> None:
    (one,) = run(change("print(1)"), StubModel({"print": "Log it."}, threshold=None))
    assert one.verdict == "passed over"
    assert "never calibrated" in render_explained(one, 3)


def test_a_window_is_found_by_its_path_and_line() -> None:
    (one,) = run(change("print(1)"), StubModel({"print": "Log it."}))
    assert read_where("a.py:2") == ("a.py", 2) and read_where("a.py") == ("a.py", None)
    assert read_where("") == ("", None)
    assert holds(one.window, "a.py", 2) and holds(one.window, "", None)
    assert not holds(one.window, "a.py", 3) and not holds(one.window, "b.py", None)


def test_the_words_of_a_change_are_named_beside_what_they_moved() -> None:
    def worded(_window: Window, score: float) -> Features:
        said = (("+print(", 0.4), ("-log", -0.2))
        return Features(values={"speak": score, "words": 1.0}, like=(), words=said)

    gate = replace(GATE, features=("speak", "words"))
    model = StubModel({"print": "Log it."})
    found, _ = explain(
        parse_diff(change("print(1)")), Witness(model), ReviewSettings(), gate, worded
    )
    assert "words = 1.00: +print(, not -log\n" in render_explained(found[0], 3)
