"""The report of an adapter: verdict first, hostile texts as texts, and what is not known."""

from html import unescape

import pytest

from finetune.evaluation.judgement import judge
from finetune.evaluation.metrics import UNKNOWN
from finetune.evaluation.report import bars, render_report
from finetune.evaluation.scorecard import Mistake, PastRemark, Said
from tests.finetune.evaluation.scorecards import (
    QUESTION,
    make_sample,
    make_scorecard,
    make_sources,
    make_system,
)
from tests.finetune.pages.test_pages import HOSTILE, Elements


def test_the_verdict_comes_first_then_what_it_rests_on_then_what_is_not_known() -> None:
    page = unescape(render_report(make_scorecard(), make_sources()))
    parts = (
        "This adapter may not speak",
        "Precision over recall",
        "Calibration",
        "Loss a sample",
        "Against what costs less",
        "Base and adapter",
        "Its words",
        "From mining to speaking",
        "20 test windows with a remark, unselected",
        "The worst mistakes",
        "What is not known",
    )
    places = [page.index(part) for part in parts]
    assert places == sorted(places)


def test_samples_hold_the_window_what_both_say_the_probability_and_the_past() -> None:
    page = unescape(render_report(make_scorecard(samples=(make_sample(),)), make_sources()))
    for shown in (
        "Postil speaks, probability 0.61",
        "try:",
        "Name it, please. (1)",
        "Name the exception.",
        "resembles 0.71, 2024-01-04:",
        'href="https://example.org/o/r/pull/7#r1"',
    ):
        assert shown in page
    quiet = unescape(
        render_report(make_scorecard(samples=(make_sample(spoken=False),)), make_sources())
    )
    assert "Postil stays silent, probability 0.08, its threshold is 0.42" in quiet


def test_twenty_samples_are_shown_at_most() -> None:
    page = render_report(make_scorecard(), make_sources())
    assert page.count("(20)") == 1 and "(21)" not in page


def test_the_checks_of_promotion_are_shown_one_by_one() -> None:
    page = unescape(render_report(make_scorecard(), make_sources()))
    checks = judge(make_scorecard())
    failed = [check for check in checks if not check.passed]
    assert failed and len(failed) < len(checks)
    assert f"This adapter may not speak: {len(failed)} of {len(checks)} checks failed" in page
    for check in checks:
        assert f"{'✓' if check.passed else '✗'} {check.name}" in page


def test_a_report_can_be_made_of_a_scorecard_alone() -> None:
    bare = make_scorecard(
        systems=(
            make_system("adapter", 0.5, None, curve=(), calibration=None),
            make_system("base", 0.5, None, curve=(), calibration=None),
            make_system("cheap features alone", 0.5, None, curve=(), calibration=None),
            make_system("always", 0.5, 0.0, precision=UNKNOWN),
        ),
        samples=(),
        mistakes=(),
        grounding=(),
        forgetting=(),
        slices=(),
        canaries=None,
    )
    page = unescape(render_report(bare, make_sources(card=None, steps=(), tallies=None)))
    assert "it would say nothing on the test part" in page and "There is nothing to draw." in page
    assert "What was kept and dropped in mining is not at hand" in page
    assert "How the training went is not at hand" in page


def test_an_adapter_made_from_other_pairs_is_told_of() -> None:
    other = render_report(make_scorecard(data_sha256="f" * 64), make_sources())
    assert "may have been trained or calibrated on some" in " ".join(other.split())
    own = render_report(make_scorecard(), make_sources())
    assert "may have been trained or calibrated" not in own


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_text_adds_no_element(text: str) -> None:
    def shape(text: str) -> list[tuple[str, list[str]]]:
        past = PastRemark(message=text, url=f"javascript:{text}", when=None, similarity=0.5)
        mistake = Mistake(
            kind="missed",
            url=f"javascript:{text}",
            path=text,
            question=f"{QUESTION}\n+{text} R6",
            human=Said(name="human", anchor="", message=text),
            probability=0.1,
            past=(past,),
        )
        card = make_scorecard(
            adapter=text, base=text, samples=(make_sample(text=text),), mistakes=(mistake,)
        )
        page = render_report(card, make_sources())
        page.encode()
        return [(tag, sorted(attributes)) for tag, attributes in Elements(page).found]

    assert shape(text) == shape("harmless")


def test_bars_show_what_was_kept_first_and_leave_out_what_never_happened() -> None:
    found = bars({"too short": 50, "kept: tier A": 10, "none": 0, "kept: tier B": 100})
    assert [bar.name for bar in found] == ["kept: tier B", "kept: tier A", "too short"]
    assert [bar.share for bar in found] == [1.0, 0.1, 0.5]
    assert bars({}) == []
