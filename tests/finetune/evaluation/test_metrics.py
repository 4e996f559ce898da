"""Figures against scikit-learn's, and what their intervals stand for."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score

from finetune.evaluation.metrics import (
    CURVE_POINTS,
    UNKNOWN,
    Bootstrap,
    Ranking,
    chrf,
    interval_of,
    mean_of,
)


@pytest.mark.parametrize("seed", range(8))
def test_ranking_figures_are_those_of_scikit_learn_with_ties_and_weights(seed: int) -> None:
    draw = np.random.default_rng(seed)
    labels = np.array([True, False, *(draw.random(60) < 0.3)])
    scores = np.round(draw.random(62) + 0.4 * labels, 1)
    weights = draw.integers(1, 5, 62).astype(float)
    ranking = Ranking(scores, labels)
    assert ranking.auc(weights) == pytest.approx(
        roc_auc_score(labels, scores, sample_weight=weights)
    )
    assert ranking.average_precision(weights) == pytest.approx(
        average_precision_score(labels, scores, sample_weight=weights)
    )


def test_equal_scores_rank_no_better_than_chance() -> None:
    assert Ranking([1.0, 1.0, 1.0], [True, False, False]).auc(np.ones(3)) == 0.5


def test_without_a_remark_or_without_a_window_nothing_is_claimed() -> None:
    for labels in ([False, False], [True, True], []):
        boot = Bootstrap(["a", "b"][: len(labels)], resamples=20)
        assert boot.interval(Ranking(np.zeros(len(labels)), labels).auc) == UNKNOWN


def test_whole_pull_requests_are_drawn_so_their_windows_do_not_narrow_the_interval() -> None:
    values = np.repeat([0.0, 1.0, 0.0, 1.0, 1.0, 0.0], 50)
    apart = Bootstrap(range(300), seed=1).interval(mean_of(values))
    together = Bootstrap(np.repeat(range(6), 50).tolist(), seed=1).interval(mean_of(values))
    assert apart.value == together.value == 0.5
    assert together.low is not None
    assert apart.low is not None
    assert together.low < apart.low


def test_the_same_seed_gives_the_same_interval_and_a_system_equals_itself() -> None:
    values = np.random.default_rng(5).random(40)
    first, again = (Bootstrap(range(40), seed=9) for _ in range(2))
    assert first.interval(mean_of(values)) == again.interval(mean_of(values))
    gain = first.difference(mean_of(values), mean_of(values))
    assert (gain.value, gain.low, gain.high) == (0.0, 0.0, 0.0)


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    covered = 0
    for seed in range(100):
        values = np.random.default_rng(seed).random(60) < 0.3
        found = Bootstrap(range(60), seed=seed, resamples=200).interval(mean_of(values))
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= 0.3 <= found.high
    assert 88 <= covered <= 100


def test_a_row_weighs_as_many_rows_as_it_stands_for() -> None:
    thinned = Bootstrap(["a", "b"], [1.0, 3.0]).interval(mean_of([1.0, 0.0]))
    assert thinned.value == 0.25


def test_a_figure_without_meaning_in_every_resample_is_unknown() -> None:
    assert interval_of(0.5, np.array([np.nan, np.nan])) == UNKNOWN


def test_chrf_is_full_for_the_same_words_and_low_for_others() -> None:
    assert chrf("Name the exception.", "Name the exception.") == pytest.approx(100)
    assert chrf("Use a logger.", "Name the exception.") < 30


def test_the_curve_is_that_of_scikit_learn_and_short() -> None:
    draw = np.random.default_rng(2)
    labels, scores = draw.random(40) < 0.4, np.round(draw.random(40), 1)
    points = Ranking(scores, labels).curve(np.ones(40))
    precision, recall, thresholds = precision_recall_curve(labels, scores)
    ours = {threshold: (found, right) for threshold, found, right in points}
    for threshold, found, right in zip(thresholds, recall, precision, strict=False):
        assert ours[threshold] == pytest.approx((found, right), abs=1e-5)
    assert points[-1][1] == 1.0
    many = Ranking(draw.random(3000), draw.random(3000) < 0.4).curve(np.ones(3000))
    assert len(many) == CURVE_POINTS
    assert [point[0] for point in many] == sorted((point[0] for point in many), reverse=True)
    assert Ranking([0.1, 0.2], [False, False]).curve(np.ones(2)) == []


def test_the_jackknife_of_a_mean_is_its_standard_error() -> None:
    values = np.random.default_rng(6).random(50)
    found = Bootstrap(range(50)).jackknife(mean_of(values))
    assert found.low is not None
    assert found.high is not None
    half = 1.96 * values.std(ddof=1) / np.sqrt(50)
    assert found.high - found.low == pytest.approx(2 * half, rel=1e-4)
    assert Bootstrap(["a", "a"]).jackknife(mean_of([1.0, 2.0])) == UNKNOWN
