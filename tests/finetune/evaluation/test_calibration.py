"""Calibration against its definition and scikit-learn's Brier score."""

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss

from finetune.evaluation.calibration import BINS, calibrate, equal_bins
from finetune.evaluation.metrics import Bootstrap

DRAW = np.random.default_rng(4)
SAID = DRAW.random(2000) ** 2
CAME = (DRAW.random(2000) < SAID).astype(float)
CLEAR = np.ones(2000)
DRAWS = Bootstrap(range(2000), resamples=100)


def test_honest_probabilities_have_little_error_and_skill_as_brier_says() -> None:
    found = calibrate(SAID.tolist(), CAME, CLEAR, DRAWS)
    assert found is not None
    assert found.error.value is not None
    assert found.error.value < 0.04
    share = CAME.mean()
    expected = 1 - brier_score_loss(CAME, SAID) / (share * (1 - share))
    assert found.skill.value == pytest.approx(expected, rel=1e-5)
    assert len(found.bins) == BINS
    assert all(one.weight == pytest.approx(200, abs=2) for one in found.bins)


def test_the_prevalence_for_every_window_has_no_skill_and_no_error() -> None:
    found = calibrate([float(CAME.mean())] * 2000, CAME, CLEAR, DRAWS)
    assert found is not None
    assert found.skill.value == pytest.approx(0, abs=1e-6)
    assert found.error.value == pytest.approx(0, abs=1e-6)
    assert len(found.bins) == 1


def test_certainty_that_is_wrong_is_worse_than_the_prevalence() -> None:
    found = calibrate((1 - CAME).tolist(), CAME, CLEAR, DRAWS)
    assert found is not None
    assert found.error.value == 1.0
    assert found.skill.high is not None
    assert found.skill.high < 0


def test_the_error_is_the_mean_gap_of_the_bins() -> None:
    found = calibrate(SAID.tolist(), CAME, CLEAR, DRAWS)
    assert found is not None
    gap = sum(abs(one.predicted - one.observed) * one.weight for one in found.bins) / 2000
    assert found.error.value == pytest.approx(gap, abs=1e-4)


def test_unclear_rows_and_one_class_alone_count_in_nothing() -> None:
    clear = (np.arange(2000) % 2).astype(float)
    half = calibrate(SAID.tolist(), CAME, clear, DRAWS)
    alone = calibrate(SAID[1::2].tolist(), CAME[1::2], np.ones(1000), Bootstrap(range(1000)))
    assert half is not None
    assert alone is not None
    assert (half.error.value, half.skill.value) == (alone.error.value, alone.skill.value)
    assert calibrate([0.5, 0.6], np.ones(2), np.ones(2), Bootstrap("ab")) is None
    assert calibrate([], np.zeros(0), np.zeros(0), Bootstrap([])) is None


def test_equal_values_share_a_bin_and_a_heavy_row_fills_its_own() -> None:
    bins = equal_bins(np.array([0.1, 0.1, 0.1, 0.9]), np.array([5.0, 5.0, 5.0, 30.0]))
    assert len(set(bins[:3].tolist())) == 1
    assert bins[3] != bins[0]
