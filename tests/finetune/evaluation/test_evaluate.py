"""An adapter that knows the house rules beats a base that does not, and the card says so."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from io import StringIO
from pathlib import Path
from weakref import WeakSet

import msgspec
import pytest
from rich.console import Console

from finetune.categories import categorize
from finetune.engines import Engine
from finetune.evaluation.evaluate import Live, calibration_rows, evaluate_adapter
from finetune.evaluation.plan import Limits, Plan
from finetune.evaluation.readings import Progress, Readings, take_readings
from finetune.evaluation.scorecard import Scorecard, encode_scorecard, read_scorecard
from finetune.evaluation.tables import render_evaluation
from finetune.feature_names import ROWS
from finetune.features import label_window
from finetune.gate_fitting import fit_gate
from finetune.recall import Recall, index_entries
from postil.errors import ConfigError
from postil.records import Pair
from tests.fakes import FakeEngine
from tests.finetune.builders import RULES, make_pair, make_team, make_window

Open = Callable[[], AbstractContextManager[Engine]]
LIMITS = Limits(samples=5)


class Openings:
    """Opens fake engines and knows how many were ever in memory at once."""

    def __init__(self) -> None:
        self.alive = WeakSet[FakeEngine]()
        self.most = 0

    def __call__(self, rules: dict[str, str]) -> Open:
        @contextmanager
        def opened() -> Iterator[Engine]:
            engine = FakeEngine(rules)
            self.alive.add(engine)
            self.most = max(self.most, len(self.alive))
            yield engine

        return opened

    def reading(self, rules: dict[str, str]) -> Callable[[Plan, Progress], Readings]:
        """Has such an engine answer a plan."""

        def read(plan: Plan, progress: Progress) -> Readings:
            with self(rules)() as engine:
                return take_readings(engine, plan, progress)

        return read


def evaluate(pairs: list[Pair], openings: Openings | None = None, **more: object) -> Scorecard:
    opened = openings or Openings()
    values: dict[str, object] = {
        "open_base": opened({}),
        "open_adapter": opened(RULES),
        "adapter": "team-1",
        "base": "tiny",
        "limits": LIMITS,
    }
    recall = Recall(index_entries(pairs))
    return evaluate_adapter(pairs, recall, **(values | more))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def card() -> Scorecard:
    return evaluate(make_team(120))


def test_what_the_adapter_knows_is_found_with_its_gain_over_the_base(card: Scorecard) -> None:
    assert card.system("adapter").auc.value == 1.0
    assert card.system("adapter").precision.value == 1.0
    assert card.system("adapter").recall.value == 1.0
    assert card.system("base, model alone").auc.value == 0.5
    over = {gain.over: gain for gain in card.gains}
    assert over["size alone"].auc.low is not None
    assert over["size alone"].auc.low > 0


def test_always_and_never_are_the_two_ends(card: Scorecard) -> None:
    always, never = card.system("always"), card.system("never")
    share = card.counts.remarks / (card.counts.remarks + card.counts.silences)
    assert always.recall.value == 1.0
    assert always.precision.value == pytest.approx(share, rel=1e-5)
    assert always.comments_per_pull == pytest.approx(card.counts.windows / card.counts.pulls)
    assert (never.recall.value, never.comments_per_pull) == (0.0, 0.0)
    assert never.precision.value is None
    assert (always.spoken, never.spoken) == (card.counts.remarks + card.counts.silences, 0)
    assert (always.right, always.promised) == (card.counts.remarks, None)


def test_what_a_threshold_promised_is_told_beside_what_was_right(card: Scorecard) -> None:
    ours = card.system("adapter")
    assert ours.promised == 0.5
    assert ours.right == ours.spoken == card.counts.remarks


def test_engines_are_measured_on_loss_lines_and_choice(card: Scorecard) -> None:
    adapter, base = card.engine("adapter"), card.engine("base")
    assert adapter.loss.value is not None
    assert base.loss.value == 2.0
    assert adapter.loss.value < 1.2
    assert base.perplexity.value == pytest.approx(7.389, abs=0.001)
    assert card.loss_gain.low is not None
    assert card.loss_gain.low > 0
    assert adapter.no_comment_accuracy.value == adapter.speaks_on_remarks.value == 1.0
    assert (base.silent_on_silences.value, base.speaks_on_remarks.value) == (1.0, 0.0)
    assert adapter.right_line.value == 1.0
    assert adapter.four_way.value is not None
    assert adapter.four_way.value > 0.6
    assert base.four_way.value == 0.25


def test_what_needs_no_model_chooses_among_the_same_remarks(card: Scorecard) -> None:
    assert [choice.name for choice in card.choices] == [
        "base",
        "past remarks by rows",
        "retrieval",
        "words in common",
    ]
    base, adapter = card.choice("base"), card.engine("adapter").four_way.value
    assert base.four_way == card.engine("base").four_way
    assert adapter is not None and base.four_way.value is not None
    assert base.gain.value == pytest.approx(adapter - base.four_way.value, abs=1e-5)
    assert base.gain.low is not None and base.gain.low > 0


def test_the_live_adapter_is_measured_on_the_same_windows() -> None:
    openings, team = Openings(), make_team(60)
    recall = Recall(index_entries(team))
    alike = Live(name="old", read=openings.reading(RULES), recall=recall, gate=None)
    worse = Live(name="older", read=openings.reading({}), recall=recall, gate=None)
    same = evaluate(team, openings, live=alike).live
    gained = evaluate(team, openings, live=worse).live
    assert openings.most == 1
    assert same is not None and gained is not None
    assert (same.adapter, same.auc.value, same.four_way.value) == ("old", 0.0, 0.0)
    assert gained.auc.value is not None and gained.auc.value >= 0  # rows alone tell all here
    assert gained.four_way.low is not None and gained.four_way.low > 0


def test_the_live_adapter_s_gate_is_told_only_what_it_remembers_itself() -> None:
    openings, team = Openings(), make_team(60)
    recall, nothing = Recall(index_entries(team)), Recall(())
    rows = [label_window(pair, recall) for pair in team if pair.split == "calibration"]
    gate = fit_gate(rows, min_precision=0.5, names=(ROWS,), alone=(ROWS,))
    told, blank = (
        evaluate(
            team,
            openings,
            live=Live(name="old", read=openings.reading({}), recall=memory, gate=gate),
        ).live
        for memory in (recall, nothing)
    )
    assert told is not None and blank is not None
    assert told.auc.value is not None and blank.auc.value is not None
    assert blank.auc.value > told.auc.value + 0.1


def test_samples_stand_beside_the_human_remarks(card: Scorecard) -> None:
    assert len(card.samples) == 5
    for view in card.samples:
        said = {one.name: one for one in view.said}
        assert {"retrieval", "constant remark", "random remark"} < set(said)
        assert {"adapter", "base", "base, shown 3 remarks"} < set(said)
        assert said["adapter"].anchor == view.human.anchor
        assert view.human.message.startswith(said["adapter"].message)
        assert view.spoken
    likeness = {score.name: score.chrf.value for score in card.text}
    assert likeness["adapter"] > likeness["base"]  # type: ignore[operator]


def test_base_and_adapter_are_never_in_memory_together() -> None:
    openings = Openings()
    evaluate(make_team(40), openings)
    assert (openings.most, len(openings.alive)) == (1, 0)


def test_the_same_pairs_give_the_same_bytes_and_they_read_back(
    card: Scorecard, tmp_path: Path
) -> None:
    again = evaluate(list(reversed(make_team(120))))
    assert encode_scorecard(again) == encode_scorecard(card)
    path = tmp_path / "evaluation.json"
    path.write_bytes(encode_scorecard(card))
    assert read_scorecard(path) == card
    assert msgspec.json.decode(path.read_bytes())["schema"] == 2
    path.write_text("{}")
    with pytest.raises(ConfigError, match="not an evaluation"):
        read_scorecard(path)


def test_thinning_silences_moves_no_figure_far(card: Scorecard) -> None:
    thin = evaluate(make_team(120), limits=Limits(samples=0, silences=25))
    assert thin.counts.scored < card.counts.scored
    for name in ("always", "size alone"):
        whole, some = card.system(name), thin.system(name)
        assert some.auc.value == pytest.approx(whole.auc.value, abs=0.15)
    assert thin.system("always").precision.value == pytest.approx(
        card.system("always").precision.value, rel=1e-5
    )
    assert thin.system("always").comments_per_pull == pytest.approx(
        card.system("always").comments_per_pull
    )


def test_ambiguous_windows_are_counted_both_ways_and_in_neither_figure() -> None:
    pairs = make_team(60)
    unclear = [
        msgspec.structs.replace(p, id=f"m{p.id}", kind="ambiguous")
        for p in pairs
        if p.split == "test" and p.kind == "silence"
    ][:10]
    without, with_them = evaluate(pairs), evaluate([*pairs, *unclear])
    assert with_them.counts.ambiguous == 10
    ours, theirs = without.system("adapter"), with_them.system("adapter")
    assert ours.auc.value == theirs.auc.value == 1.0
    assert theirs.auc_ambiguous_silent.value == 1.0
    assert theirs.auc_ambiguous_remarked.value is not None
    assert theirs.auc_ambiguous_remarked.value < 1.0


def test_a_gate_given_is_the_one_measured() -> None:
    pairs = make_team(60)
    recall = Recall(index_entries(pairs))
    gate = fit_gate(calibration_rows(FakeEngine(RULES), pairs, recall))
    assert gate.threshold is not None
    mute = msgspec.structs.replace(gate, threshold=None, note="mute")
    card = evaluate(pairs, gate=mute)
    assert card.system("adapter").comments_per_pull == 0
    assert card.system("adapter").note == "mute"
    assert evaluate(pairs, gate=gate) == evaluate(pairs)


def test_without_remarks_or_calibration_it_says_what_it_cannot_measure() -> None:
    quiet = [p for p in make_team(40) if p.kind == "silence" and p.split != "calibration"]
    card = evaluate(quiet)
    assert card.system("adapter").auc.value is None
    assert card.engine("adapter").loss.value is None
    assert card.four_way_count == 0
    assert "nothing to tell apart" in card.system("adapter").note
    assert "not measurable" in rendered(card)


def test_without_test_windows_it_refuses() -> None:
    with pytest.raises(ConfigError, match="no test windows"):
        evaluate([make_pair(make_window("+x"))])


def test_the_page_says_in_words_what_may_be_claimed(card: Scorecard) -> None:
    text = rendered(card)
    assert "team-1 on tiny, measured on 24 later pull requests" in text
    assert "Held-out loss of the base less the adapter's" in text
    assert "ROC-AUC of the adapter less size alone" in text
    assert "better." in text
    assert "Sample 1: app/" in text
    assert "Name the exception" in text


def rendered(card: Scorecard) -> str:
    console = Console(file=StringIO(), width=160)
    console.print(render_evaluation(card))
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_kinds_of_remarks_that_a_review_would_drop_are_not_counted_as_said(
    card: Scorecard,
) -> None:
    pairs = make_team(120)
    gate = fit_gate(calibration_rows(FakeEngine(RULES), pairs, Recall(index_entries(pairs))))
    kinds = sorted({categorize(message) for message in RULES.values()})
    spoken = card.system("adapter")
    assert spoken.comments_per_pull
    for muted in (kinds, kinds[:1]):
        by_kind: dict[str, float | None] = dict.fromkeys(muted)
        quieter = evaluate(pairs, gate=msgspec.structs.replace(gate, by_kind=by_kind))
        left = quieter.system("adapter")
        assert left.auc == spoken.auc
        assert left.comments_per_pull is not None
        share = left.comments_per_pull / spoken.comments_per_pull
        assert share == 0 if muted == kinds else 0 < share < 1
