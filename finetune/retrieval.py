"""Pairs -> a published adapter without weights: accepted remarks and a gate on cheap features.

For repositories with too few accepted remarks to train on. Takes seconds, imports no torch, and
gives the same files, and so the same adapter, for the same pairs.
"""

import importlib.metadata
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from finetune.adapters import Registry
from finetune.evaluation.baselines import WITHOUT_MODEL
from finetune.evaluation.plan import Limits, make_plan
from finetune.evaluation.readings import Progress, no_progress
from finetune.features import label_window
from finetune.gate import GATE_FILE, Gate, write_gate
from finetune.gate_fitting import fit_gate
from finetune.memory import learn_memory, write_memory
from finetune.newer import seen_until
from finetune.recall import Recall, index_entries
from finetune.topics import TOPICS_FILE, recurring, write_topics
from mining.dataset import digest_pairs
from postil.errors import ConfigError
from postil.prompt import TEMPLATE
from postil.records import AdapterCard, Pair
from postil.settings import Settings

LIBRARIES = ("numpy", "scikit-learn")
SCORING = {"engine": "none", "way": "recall"}


class MadeRetrieval(msgspec.Struct, frozen=True, kw_only=True):
    """A published adapter without weights."""

    folder: Path
    remarks: int
    """How many it remembers."""
    gate: Gate | None


def make_retrieval(
    pairs: Sequence[Pair],
    settings: Settings,
    registry: Registry,
    repo: str,
    progress: Progress = no_progress,
) -> MadeRetrieval:
    """Index, calibrate, publish; promote nothing. ConfigError where nothing can be remembered."""
    entries = index_entries(pairs, named=settings.review.name_reviewers)
    if not entries:
        raise ConfigError(
            f"{repo}: no accepted remark on code in the training part,"
            " so there is nothing to remember: mine more history"
        )
    recall = learn_memory(pairs, entries, settings.train.seed)
    gate = calibrate_memory(pairs, recall, settings, progress)
    topics = recurring(pairs, recall, settings)
    with registry.workspace(repo) as folder:
        write_memory(folder, recall)
        write_topics(folder / TOPICS_FILE, topics)
        if gate is not None:
            write_gate(folder / GATE_FILE, gate)
        published = registry.publish(folder, _describe(pairs, settings, repo, len(entries), gate))
    return MadeRetrieval(folder=published, remarks=len(entries), gate=gate)


def made_text(made: MadeRetrieval) -> str:
    """What was made, in a few lines."""
    if made.gate is None:
        note = (
            "The calibration part holds no window whose commit is still there, so there is no"
            " threshold and it never speaks."
        )
    else:
        note = made.gate.note
    return f"remembers {made.remarks} accepted remarks; no weights\n{note}\nadapter {made.folder}"


def calibrate_memory(
    pairs: Sequence[Pair],
    recall: Recall,
    settings: Settings,
    progress: Progress = no_progress,
) -> Gate | None:
    """A gate on the cheap features of the calibration part; None where the part is empty."""
    plan = make_plan(pairs, Limits(), settings.train.seed)
    if not plan.calibration:
        return None
    rows = []
    for done, pair in enumerate(plan.calibration, 1):
        rows.append(label_window(pair, recall, plan.weights[pair.id]))
        progress("recalling for calibration windows", done, len(plan.calibration))
    return fit_gate(
        rows,
        min_precision=settings.review.min_precision,
        names=WITHOUT_MODEL.features,
        alone=WITHOUT_MODEL.alone,
        seed=settings.train.seed,
    )


def _describe(
    pairs: Sequence[Pair], settings: Settings, repo: str, remarks: int, gate: Gate | None
) -> AdapterCard:
    """The card, but for the hashes that publishing adds."""
    return AdapterCard(
        name=f"{repo} {datetime.now(UTC):%Y-%m-%d}",
        repo=repo,
        base="",
        base_revision="",
        base_sha256="",
        template=TEMPLATE,
        window_lines=settings.mining.window_lines,
        max_length=0,
        data_sha256=digest_pairs(pairs),
        pairs=remarks,
        mode="retrieval",
        scoring=SCORING,
        seed=settings.train.seed,
        libraries={name: importlib.metadata.version(name) for name in LIBRARIES},
        files={},
        metrics={},
        threshold=gate.threshold if gate else None,
        created_at=datetime.now(UTC),
        seen_until=seen_until(pairs),
    )
