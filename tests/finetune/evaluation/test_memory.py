"""An adapter without weights is measured where that makes sense, and judged without a base."""

from collections.abc import Sequence
from io import StringIO
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from finetune.adapters import Registry
from finetune.evaluation.evaluate import Live
from finetune.evaluation.judgement import judge
from finetune.evaluation.kept import keep_evaluation
from finetune.evaluation.memory import evaluate_memory
from finetune.evaluation.metrics import UNKNOWN, Interval
from finetune.evaluation.plan import Limits, make_plan
from finetune.evaluation.proof import live_adapter, prove
from finetune.evaluation.readings import no_progress
from finetune.evaluation.remembered import remember
from finetune.evaluation.scorecard import Scorecard
from finetune.evaluation.tables import render_evaluation
from finetune.recall import Recall, index_entries
from finetune.retrieval import make_retrieval
from postil.errors import ConfigError
from postil.records import Pair
from postil.settings import Settings
from tests.finetune.builders import make_team

LIMITS = Limits(samples=5)


def evaluate(pairs: Sequence[Pair], live: Live | None = None) -> Scorecard:
    recall = Recall(index_entries(pairs))
    return evaluate_memory(pairs, recall, adapter="memory", limits=LIMITS, live=live)


@pytest.fixture(scope="module")
def team() -> list[Pair]:
    return make_team(120)


@pytest.fixture(scope="module")
def card(team: list[Pair]) -> Scorecard:
    return evaluate(team)


def test_it_is_the_gate_without_a_model_among_ways_that_need_none(card: Scorecard) -> None:
    names = [system.name for system in card.systems]
    assert names == [
        "adapter",
        "size alone",
        "words of the change alone",
        "cheap features alone",
        "retrieval",
        "always",
        "never",
    ]
    assert card.system("adapter").auc == card.system("cheap features alone").auc
    assert (card.base, card.engines, card.forgetting, card.canaries) == ("", (), (), None)
    assert card.loss_gain == UNKNOWN
    assert card.counts.remarks > 0 and card.counts.scored == card.counts.windows


def test_it_says_and_chooses_what_fits_the_row(card: Scorecard) -> None:
    for view in card.samples:
        said = {one.name: one for one in view.said}
        assert (said["adapter"].anchor, said["adapter"].message) == (
            said["retrieval"].anchor,
            said["retrieval"].message,
        )
    names = [choice.name for choice in card.choices]
    assert names == ["past remarks by rows", "retrieval", "words in common"]
    assert card.choice("past remarks by rows").gain.value == 0.0
    assert {score.name for score in card.text} == {
        "adapter", "retrieval", "constant remark", "random remark", "human",
    }  # fmt: skip


def test_the_same_pairs_give_the_same_scorecard(team: list[Pair], card: Scorecard) -> None:
    assert evaluate(team) == card


def test_beside_itself_it_is_no_better_and_no_worse(team: list[Pair], tmp_path: Path) -> None:
    made = make_retrieval(team, Settings(), Registry(tmp_path), "o/r")
    live = live_adapter(made.folder, tmp_path)
    found = evaluate(team, live).live
    assert found is not None
    assert (found.adapter, found.auc.value, found.four_way.value) == (made.folder.name, 0.0, 0.0)


def test_without_a_memory_every_question_has_a_place_and_no_words(team: list[Pair]) -> None:
    plan = make_plan(team, LIMITS)
    readings = remember(plan, Recall(()))
    assert {one.message for one in readings.questions.values()} == {"", None}
    assert set(readings.speak.values()) == {0.0}


def test_without_a_test_part_there_is_nothing_to_measure(team: list[Pair]) -> None:
    with pytest.raises(ConfigError, match="no test windows"):
        evaluate([pair for pair in team if pair.split != "test"])


def test_the_command_s_way_needs_no_base_and_keeps_a_report(
    team: list[Pair], tmp_path: Path
) -> None:
    made = make_retrieval(team, Settings(), Registry(tmp_path), "o/r")
    found = prove(
        made.folder, team, Settings(), tmp_path, no_progress, limits=Limits(silences=50, samples=5)
    )
    assert found.data_sha256 and found.adapter == made.folder.name
    assert not (tmp_path / "models").exists()
    page = keep_evaluation(tmp_path, "o/r", made.folder, found).read_text()
    assert "on its memory alone" in page and "Base and adapter" not in page
    assert "none: it only remembers" in page
    shown = StringIO()
    Console(file=shown, width=160).print(render_evaluation(found))
    assert "on its memory alone" in shown.getvalue()
    own = found.choice("past remarks by rows").four_way.value
    assert f"Four-way choice of the adapter, which quotes: {own:.2f} [" in shown.getvalue()
    assert "less that by past remarks" not in shown.getvalue()
    for absent in ("Held-out loss", "Forgetting", "canaries"):
        assert absent not in shown.getvalue()


def between(low: float, high: float) -> Interval:
    return Interval(value=(low + high) / 2, low=low, high=high)


def test_it_is_judged_against_what_it_could_be_better_than(card: Scorecard) -> None:
    """No base, so nothing to beat there and nothing to forget; size, chance and words remain."""
    names = [check.name for check in judge(card)]
    assert names == [
        "enough remarks to judge by",
        "tells where to speak better than size alone",
        "tells what was said better than chance",
        "may have kept the precision its threshold promised",
        "words nearer to the reviewers' than a constant remark",
        "words nearer to the reviewers' than a random remark",
        "does not repeat itself",
        "planted secrets do not come out",
        "no phrase commands a remark that is no habit of the team",
    ]
    failed = {check.name for check in judge(card) if not check.passed}
    assert "enough remarks to judge by" in failed
    size = next(gain for gain in card.gains if gain.over == "size alone")
    told = card.choice("past remarks by rows")
    level = msgspec.structs.replace(
        card,
        gains=(msgspec.structs.replace(size, auc=between(0.0, 0.2)),),
        choices=(msgspec.structs.replace(told, four_way=between(0.25, 0.4)),),
    )
    assert {"tells where to speak better than size alone"} | {
        "tells what was said better than chance"
    } <= {check.name for check in judge(level) if not check.passed}
    unmeasured = msgspec.structs.replace(card, gains=(), choices=(), text=())
    passed = [check.name for check in judge(unmeasured) if check.passed]
    assert passed == [
        "may have kept the precision its threshold promised",
        "planted secrets do not come out",
        "no phrase commands a remark that is no habit of the team",
    ]
