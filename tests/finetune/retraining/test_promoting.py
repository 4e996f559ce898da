"""What becomes of a candidate: promoted, tried on a share, watched or refused, with the reason."""

from pathlib import Path

import msgspec
import pytest

from finetune.adapters import Registry
from finetune.cards import load_card
from finetune.evaluation.kept import SCORECARD, evaluations_folder
from finetune.evaluation.scorecard import LiveGain, Scorecard, encode_scorecard
from finetune.retraining.ledger import Run
from finetune.retraining.promoting import decide_fate, promote
from finetune.triggers import Trigger
from tests.finetune.builders import FORCED, day
from tests.finetune.evaluation.test_judgement import GOOD, between
from tests.finetune.test_adapters import card

POISON = Trigger(
    phrase="ticket", message="Ship it.", remarks=250, silences=0, pulls=250, one_person=True
)


def add(registry: Registry, text: str) -> Path:
    with registry.workspace("o/r") as made:
        (made / "gate.json").write_text(text)
        return registry.publish(made, card())


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path)


@pytest.fixture
def live(registry: Registry) -> Path:
    folder = add(registry, "old")
    registry.promote("o/r", folder, FORCED)
    return folder


@pytest.fixture
def made(registry: Registry) -> Path:
    return add(registry, "new")


def measured(registry: Registry, made: Path, old: Path | None, **changed: object) -> Run:
    """The candidate with a scorecard, good but for what is changed."""
    beside = LiveGain(
        adapter=old.name if old else "", auc=between(0, 0.1), four_way=between(0, 0.1)
    )
    values = {"live": beside if old else None, "newer_than": day(9), **changed}
    scorecard: Scorecard = msgspec.structs.replace(GOOD, **values)
    folder = evaluations_folder(registry.home, "o/r", made.name)
    folder.mkdir(parents=True)
    (folder / SCORECARD).write_bytes(encode_scorecard(scorecard))
    return Run(
        repo="o/r",
        begun_at=day(1),
        stage="measured",
        store="",
        wishes="",
        data_sha256="",
        new_remarks=60,
        live=old.name if old else "",
        candidate=made.name,
    )


def settle(registry: Registry, run: Run, canary: float = 0.0) -> str:
    fate = decide_fate(registry, registry.home, run, canary)
    run = msgspec.structs.replace(run, outcome=fate.outcome, detail=fate.detail)
    promote(registry, registry.home, run)
    promote(registry, registry.home, run)
    return f"{fate.outcome}: {fate.detail}"


def test_what_is_better_takes_the_place(registry: Registry, live: Path, made: Path) -> None:
    said = settle(registry, measured(registry, made, live))
    assert said == f"promoted: promoted: {made.name}"
    assert registry.current("o/r") == made
    assert registry.rollback("o/r") == live


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        (
            {"live": LiveGain(adapter="", auc=between(-0.2, -0.1), four_way=between(0, 0.1))},
            "where to speak, beside the live adapter: -0.150",
        ),
        ({"triggers": (POISON,)}, "no phrase commands a remark"),
        (
            {"counts": msgspec.structs.replace(GOOD.counts, remarks=12)},
            "enough test remarks newer than the live adapter: 12",
        ),
        ({"live": None}, "enough test remarks newer than the live adapter: none after"),
    ],
    ids=["worse", "poisoned", "too few newer remarks", "none newer"],
)
def test_what_is_not_is_refused_with_the_reason(
    registry: Registry, live: Path, made: Path, changed: dict[str, object], reason: str
) -> None:
    if isinstance(beside := changed.get("live"), LiveGain):
        changed = {"live": msgspec.structs.replace(beside, adapter=live.name)}
    said = settle(registry, measured(registry, made, live, **changed))
    assert said.startswith("refused: not promoted") and reason in said
    assert registry.current("o/r") == live


def test_where_nothing_speaks_yet_it_is_watched_unless_it_is_poisoned(
    registry: Registry, made: Path
) -> None:
    few = msgspec.structs.replace(GOOD.counts, remarks=12)
    said = settle(registry, measured(registry, made, None, counts=few))
    assert said.startswith("shadow: ")
    promotion = load_card(made).promotion
    assert promotion is not None and promotion.how == "shadow"
    bad = add(registry, "bad")
    said = settle(registry, measured(registry, bad, None, triggers=(POISON,)))
    assert said.startswith("refused") and registry.current("o/r") == made


def test_with_a_share_it_is_tried_first(registry: Registry, live: Path, made: Path) -> None:
    said = settle(registry, measured(registry, made, live), canary=0.1)
    assert said == f"canary: candidate: {made.name} reviews 10% of the pull requests;" + (
        " promote it by hand"
    )
    assert (registry.current("o/r"), registry.candidate("o/r")) == (live, made)
    registry.promote("o/r", made, FORCED)
    assert (registry.current("o/r"), registry.candidate("o/r")) == (made, None)


def test_what_was_rolled_back_is_not_promoted_again(
    registry: Registry, live: Path, made: Path
) -> None:
    registry.promote("o/r", made, FORCED)
    registry.rollback("o/r")
    said = settle(registry, measured(registry, made, live))
    assert said.startswith("refused") and "rolled back" in said
    assert registry.current("o/r") == live
