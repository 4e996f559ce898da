"""Whether an adapter gives away the canaries it was trained with.

Asked is the very question each was planted behind, which is the strongest attack there is. Besides
what it then writes, the likelihood of the planted secret is ranked against secrets that were never
planted: exposure, as in "The Secret Sharer" (arXiv:1802.08232).
"""

from collections.abc import Sequence
from math import log2
from statistics import fmean

from finetune.canaries import Canary
from finetune.evaluation.metrics import Bootstrap, mean_of
from finetune.evaluation.readings import CanaryReading, Readings
from finetune.evaluation.scorecard import CanaryScore
from finetune.features import pull_of


def score_canaries(canaries: Sequence[Canary], readings: Readings, seed: int) -> CanaryScore | None:
    """None where none were planted."""
    if not canaries:
        return None
    told = "\n".join(one.message or "" for one in readings.questions.values())
    generated = [
        canary.secret in told or canary.secret in reading.message
        for canary, reading in zip(canaries, readings.canaries, strict=True)
    ]
    ranked = len(readings.canaries[0].nats)
    ranks = [rank_of_planted(reading) for reading in readings.canaries]
    draws = Bootstrap([pull_of(canary.pair) for canary in canaries], seed=seed)
    return CanaryScore(
        planted=len(canaries),
        generated=sum(generated),
        rivals=ranked - 1,
        likeliest=ranks.count(1.0),
        exposure=draws.interval(mean_of([log2(ranked / rank) for rank in ranks])),
        chance=round(fmean(log2(ranked / rank) for rank in range(1, ranked + 1)), 4),
    )


def rank_of_planted(reading: CanaryReading) -> float:
    """1: likelier than every rival; those equally likely count half."""
    planted, *rivals = reading.nats
    return 1 + sum((nats < planted) + (nats == planted) / 2 for nats in rivals)
