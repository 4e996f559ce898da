"""Leaving out what tells costs; leaving out what does not costs nothing."""

from finetune.evaluation.ablation import GROUPS, WITHOUT_PRIOR, ablate
from finetune.evaluation.plan import Limits, make_plan
from finetune.evaluation.readings import Readings
from finetune.evaluation.trial import Trial
from finetune.feature_names import FEATURES, PRIOR
from finetune.recall import Recall
from tests.finetune.builders import make_team

TEAM = make_team(120)
PLAN = make_plan(TEAM, Limits())
TRIAL = Trial(PLAN, Recall(()), min_precision=0.5, seed=7)
"""Nothing is remembered, so only the model can tell."""


def test_every_feature_is_in_one_group() -> None:
    grouped = [name for group in GROUPS.values() for name in group]
    assert sorted([*grouped, PRIOR]) == sorted(FEATURES)


def test_without_the_model_that_knows_the_gate_is_worse_and_without_the_author_it_is_not() -> None:
    knows = {p.id: 4.0 if p.kind == "remark" else -4.0 for p in (*PLAN.calibration, *PLAN.test)}
    rows = {row.without: row for row in ablate(TRIAL, Readings(speak=knows, loss={}, questions={}))}
    assert rows[""].auc.value is not None and rows[""].auc.value > 0.99
    model, author = rows["the model's log-odds"].loss, rows["author's first change"].loss
    assert model and model.low is not None and model.low > 0
    assert author and author.value is not None and abs(author.value) < 0.01


def test_an_adapter_without_weights_has_no_row_for_a_model() -> None:
    names = {row.without for row in ablate(TRIAL, None)}
    assert "the model's log-odds" not in names
    assert {"", WITHOUT_PRIOR, "size", "likeness to accepted remarks"} <= names
