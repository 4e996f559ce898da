"""What a scorecard leaves open, said in sentences that come from its own numbers. Pure."""

from collections.abc import Iterator

import msgspec

from finetune.evaluation.metrics import Interval
from finetune.evaluation.scorecard import Scorecard
from finetune.evaluation.tables import render_interval
from finetune.evaluation.trial import ADAPTER
from postil.records import Record

FEW_PULLS, FEW_REMARKS, FEW_CHOICES = 50, 100, 50


def limits_of(card: Scorecard) -> list[str]:
    """What is not known, from the widest to the narrowest."""
    return [*_counts(card), *_labels(card), *_missing(card), *ALWAYS]


ALWAYS = (
    "What counts as accepted is read from traces: changed lines, replies, votes. One reader checked"
    " that rule on 156 threads of three other repositories (docs/how-it-learns.md).",
    "A window where reviewers were silent may still deserve a remark; no one was asked.",
    "Nobody judged whether the remarks it words are right. Likeness to the reviewer's words is no"
    " such judgement.",
    "Whether authors heed it can only be seen live: run it in shadow mode first.",
)


def _counts(card: Scorecard) -> Iterator[str]:
    counts = card.counts
    if counts.pulls < FEW_PULLS or counts.remarks < FEW_REMARKS:
        yield (
            f"{counts.pulls} pull requests with {counts.remarks} accepted remarks are few: believe"
            " the intervals, not the figures."
        )
    if counts.scored < counts.windows:
        yield (
            f"{counts.windows - counts.scored} of {counts.windows} windows were not scored to save"
            " time; others were weighted to stand for them."
        )
    if card.four_way_count < FEW_CHOICES:
        yield (
            f"Few remarks were put to the four-way choice ({card.four_way_count})."
            if card.four_way_count
            else "The four-way choice could not be asked: too few remarks to choose from."
        )


def _labels(card: Scorecard) -> Iterator[str]:
    ours = card.system(ADAPTER)
    if card.counts.ambiguous:
        silent, remarked = ours.auc_ambiguous_silent, ours.auc_ambiguous_remarked
        yield (
            f"{card.counts.ambiguous} windows are unclear and in no figure. Counted as silences,"
            f" the adapter's ROC-AUC is {render_interval(silent)}; as remarks,"
            f" {render_interval(remarked)}."
        )


def _missing(card: Scorecard) -> Iterator[str]:
    unknown = [*_unknown(ADAPTER, card.system(ADAPTER))]
    for engine in card.engines:
        unknown += _unknown(engine.name, engine)
    if unknown:
        yield f"Could not be measured: {', '.join(unknown)}."
    if card.canaries is None:
        yield "Whether it repeats private texts is not known: no secrets were planted in training."
    if card.base and not card.forgetting:
        yield "What the base forgot in training was not measured."
    if not card.slices:
        yield "No single reviewer or language had enough remarks to be measured alone."


def _unknown(name: str, score: Record) -> Iterator[str]:
    """Whose figure has no value."""
    for field, value in msgspec.structs.asdict(score).items():
        if isinstance(value, Interval) and value.value is None:
            yield f"{name}'s {field.replace('_', ' ')}"
