"""The gate: as scikit-learn computes it, honest where it knows little, and plain numbers."""

import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from finetune.feature_names import FEATURES, PRIOR, SIZE, SPEAK
from finetune.features import Labelled
from finetune.gate import Gate, read_gate, write_gate
from finetune.gate_fitting import STRENGTH, SURE, fit_gate
from finetune.thresholds import choose_threshold
from postil.errors import AdapterError


def make_rows(count: int = 200, *, seed: int = 1, signal: float = 2.0) -> list[Labelled]:
    """Windows whose log-odds tell of remarks as strongly as `signal`; four a pull request."""
    draw = np.random.default_rng(seed)
    rows = []
    for number in range(count):
        remarked = bool(draw.random() < 0.3)
        features = {name: float(draw.normal()) for name in FEATURES}
        features[SPEAK] += signal * remarked
        rows.append(
            Labelled(
                pair=str(number),
                kind="remark" if remarked else "silence",
                features=features,
                group=f"o/r#{number // 4}",
            )
        )
    return rows


def test_probabilities_are_those_of_scikit_learn() -> None:
    rows = make_rows()
    values = [[row.features[name] for name in FEATURES] for row in rows]
    regression = LogisticRegression(C=STRENGTH["logistic"], solver="newton-cholesky")
    model = make_pipeline(StandardScaler(), regression)
    model.fit(values, [row.remarked for row in rows])
    expected = model.predict_proba(values)[:, 1]
    gate = fit_gate(rows, alone=())
    assert gate.method == "logistic"
    found = [gate.probability(row.features) for row in rows]
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_the_gate_keeps_the_precision_it_was_asked_for_on_windows_it_never_saw() -> None:
    gate = fit_gate(make_rows(400), min_precision=0.7)
    spoken = [row.remarked for row in make_rows(2000, seed=2) if gate.speaks(row.features)]
    assert len(spoken) > 100
    precision = sum(spoken) / len(spoken)
    assert precision > 0.6
    assert precision == pytest.approx(gate.expected_precision, abs=0.08)


def test_labels_that_no_feature_tells_leave_the_gate_silent() -> None:
    gate = fit_gate(make_rows(signal=0.0), min_precision=0.9)
    assert gate.threshold is None
    assert "never speaks" in gate.note
    assert not any(gate.speaks(row.features) for row in make_rows())


def test_with_few_examples_only_the_log_odds_count() -> None:
    gate = fit_gate(make_rows(40))
    assert (gate.method, gate.features) == ("platt", (SPEAK,))
    assert "Platt" in gate.note


def test_features_that_tell_nothing_do_not_enter() -> None:
    gate = fit_gate(make_rows(120))
    assert gate.features == (SPEAK,)
    assert "did no better" in gate.note


def test_features_that_tell_more_than_the_log_odds_do_enter() -> None:
    telling = [
        msgspec.structs.replace(
            row,
            features={**row.features, "data": row.features["data"] + 3 * row.remarked},
        )
        for row in make_rows(400)
    ]
    gate = fit_gate(telling)
    assert gate.features == FEATURES
    assert f"{len(FEATURES)} features" in gate.note


def test_the_size_of_a_change_may_stand_beside_what_the_model_says() -> None:
    both = [
        msgspec.structs.replace(
            row,
            features={**row.features, "added_rows": row.features["added_rows"] + row.remarked},
        )
        for row in make_rows(200, signal=1.0)
    ]
    gate = fit_gate(both)
    assert set(gate.features) == {SPEAK, PRIOR, *SIZE}


def test_a_feature_made_to_rise_with_remarks_is_not_turned_round_by_a_few() -> None:
    rows = make_rows(40, signal=-2.0)
    gate = fit_gate(rows)
    assert (gate.method, gate.features, gate.coefficients) == ("platt", (SPEAK,), (0.0,))
    low = fit_gate(rows, min_precision=0.01)
    assert (low.threshold, low.expected_precision) == (None, None)
    assert "tells nothing, so it never speaks" in low.note
    (chance,) = {gate.probability(row.features) for row in rows}
    assert chance == pytest.approx(sum(row.remarked for row in rows) / len(rows), abs=0.03)
    sizes = [
        msgspec.structs.replace(row, features={**row.features, "added_rows": row.features[SPEAK]})
        for row in rows
    ]
    falling = fit_gate(sizes, names=("added_rows",), alone=("added_rows",))
    assert falling.coefficients[0] < 0, "whether remarks come with more rows or fewer is open"


@pytest.mark.parametrize("kind", ["remark", "silence"])
def test_with_nothing_to_tell_apart_it_is_constant_and_silent(kind: str) -> None:
    rows = [msgspec.structs.replace(row, kind=kind) for row in make_rows(30)]
    for some in (rows, []):
        gate = fit_gate(some)
        assert (gate.method, gate.threshold, gate.features) == ("constant", None, ())
        assert 0 < gate.probability({}) < 1


def test_remarks_of_one_pull_request_choose_no_threshold() -> None:
    rows = [msgspec.structs.replace(row, group="o/r#1") for row in make_rows()]
    assert fit_gate(rows).threshold is None


def test_thinned_silences_are_put_back_in_probability_and_precision() -> None:
    rows = make_rows(3000)
    thin = [
        row if row.remarked else msgspec.structs.replace(row, weight=4.0)
        for row in rows
        if row.remarked or int(row.pair) % 4 == 0
    ]
    whole, thinned = fit_gate(rows), fit_gate(thin)
    assert thinned.silence_weight == 4.0
    means = [np.mean([gate.probability(row.features) for row in rows]) for gate in (whole, thinned)]
    assert means[0] == pytest.approx(means[1], abs=0.02)
    spoken = [row.remarked for row in rows if thinned.speaks(row.features)]
    assert np.mean(spoken) == pytest.approx(thinned.expected_precision, abs=0.03)


def test_ambiguous_windows_teach_the_gate_nothing() -> None:
    rows = make_rows()
    unclear = [msgspec.structs.replace(row, kind="ambiguous") for row in make_rows(50, seed=9)]
    assert fit_gate(rows) == fit_gate([*rows, *unclear])


def test_the_threshold_holds_the_precision_with_the_best_f1_and_lies_between_scores() -> None:
    scores = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4]
    labels = [True, False, True, True, False, False]
    chosen = choose_threshold(scores, labels, 0.6, least=1)
    assert chosen.value == pytest.approx(0.55)
    assert chosen.precision == pytest.approx(0.75)
    assert chosen.recall == 1.0
    assert choose_threshold(scores, labels, 1.0, least=1).value == pytest.approx(0.85)
    assert choose_threshold(scores, labels, 1.0, least=3).value is None
    assert choose_threshold(scores, [False] * 6, 0.0, least=1).value is None


def test_equal_scores_are_spoken_on_together_or_not_at_all() -> None:
    labels = [True, False, False, False]
    assert choose_threshold([0.5, 0.5, 0.5, 0.1], labels, 0.5, least=1).value is None


def test_a_threshold_that_must_be_sure_asks_for_more_than_luck() -> None:
    scores = [1.0 - place / 100 for place in range(50)]
    lucky = [place in (0, 2, 4) for place in range(50)]
    assert choose_threshold(scores, lucky, 0.5).value is not None  # three of five
    assert choose_threshold(scores, lucky, 0.5, errors=SURE).value is None
    plain = [place < 12 or place == 20 for place in range(50)]
    assert choose_threshold(scores, plain, 0.5, errors=SURE).value == pytest.approx(0.885)


def test_silences_that_were_not_seen_may_be_among_those_spoken_on() -> None:
    """Six remarks, then twenty silences that stand for twenty each: none of them in six tells
    little of four hundred."""
    scores = [1.0 - place / 100 for place in range(26)]
    labels, weights = [True] * 6 + [False] * 20, [1.0] * 6 + [20.0] * 20
    assert choose_threshold(scores, labels, 0.5, weights=weights).precision == 1.0
    assert choose_threshold(scores, labels, 0.5, weights=weights, errors=SURE).value is None
    assert choose_threshold(scores, labels, 0.5, errors=SURE).precision == 1.0


def test_what_tells_little_does_not_speak_by_luck_where_silences_were_thinned() -> None:
    def speaks(seed: int, sure: float) -> bool:
        rows = make_rows(150, seed=seed, signal=0.6)
        thinned = [r if r.remarked else msgspec.structs.replace(r, weight=5.0) for r in rows]
        return fit_gate(thinned, alone=(SPEAK,), names=(SPEAK,), sure=sure).threshold is not None

    by_luck, sure = (sum(speaks(seed, errors) for seed in range(20)) for errors in (0.0, SURE))
    assert by_luck >= 1
    assert sure == 0


@given(
    st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=1, max_size=40),
    st.sampled_from([1.0, 7.0]),
)
def test_a_sure_threshold_is_one_that_would_do_anyway(
    windows: list[tuple[int, bool]], weight: float
) -> None:
    scores, labels = [score / 10 for score, _ in windows], [label for _, label in windows]
    weights = [1.0 if label else weight for label in labels]
    sure = choose_threshold(scores, labels, 0.4, weights=weights, errors=SURE)
    if sure.value is not None:
        assert sure.precision is not None and sure.precision >= 0.4
        assert choose_threshold(scores, labels, 0.4, weights=weights).value is not None


def test_a_threshold_weighs_silences_that_stand_for_others() -> None:
    scores, labels = [0.9, 0.8], [True, False]
    assert choose_threshold(scores, labels, 0.5, least=2).value == pytest.approx(0.4)
    weighed = choose_threshold(scores, labels, 0.5, weights=[1.0, 9.0], least=2)
    assert weighed.value is None


def test_a_gate_read_back_is_the_same(tmp_path: Path) -> None:
    gate = fit_gate(make_rows())
    write_gate(tmp_path / "gate.json", gate)
    assert read_gate(tmp_path / "gate.json") == gate


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"version": 1', '"version": 2', "version 2"),
        ('"speak"', '"spook"', "unknown features: spook"),
        ('"intercept": ', '"intercept": null, "x": ', "not a gate"),
        ("[", "[1.0, ", "not a gate|do not fit"),
        ("{", "", "not a gate"),
    ],
)
def test_a_gate_that_cannot_be_computed_is_refused(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    path = tmp_path / "gate.json"
    write_gate(path, fit_gate(make_rows()))
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(AdapterError, match=said):
        read_gate(path)


def test_a_missing_file_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(AdapterError, match=r"gate\.json: cannot be read: No such file"):
        read_gate(tmp_path / "gate.json")


def test_a_feature_that_is_not_given_is_named() -> None:
    with pytest.raises(AdapterError, match="needs the feature speak"):
        fit_gate(make_rows(40)).probability({})


def test_very_large_features_overflow_nothing() -> None:
    gate = fit_gate(make_rows(40))
    assert gate.probability({SPEAK: 1e9}) == 1.0
    assert gate.probability({SPEAK: -1e9}) == 0.0


def test_serving_loads_neither_scikit_learn_nor_torch() -> None:
    code = (
        "import sys, finetune.gate, finetune.features, finetune.recall;"
        "print([m for m in ('sklearn', 'torch', 'scipy', 'sacrebleu') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_record_says_what_was_done() -> None:
    gate = fit_gate(make_rows())
    assert isinstance(gate, Gate)
    assert gate.note.startswith("200 windows, ")
    assert gate.expected_precision is not None
    assert gate.expected_precision >= 0.5
