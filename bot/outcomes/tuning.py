"""Outcomes of an adapter in one repository -> what its gate makes of them. Pure; the same outcomes
give the same tuning.

Only what was posted counts, of the last months by the clock of the host: of the newest pull
request that was judged, never of this machine.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta

from bot.outcomes.rates import Rate, rate_of
from bot.outcomes.tuned import TunedKind, Tuning
from bot.outcomes.votes import weigh
from finetune.thresholds import choose_threshold
from postil.records import Outcome
from postil.settings import OutcomeSettings

LEAST_ABOVE = 10
"""Remarks that a raised threshold must leave to be judged by."""
LEAST_VETOES = 2
"""People who must have refused the same past remark, and nobody heeded it."""


def tune(repo: str, adapter: str, outcomes: Sequence[Outcome], settings: OutcomeSettings) -> Tuning:
    """What follows from all outcomes of a repository for one adapter."""
    counted = [
        one
        for one in recent(outcomes, settings.days)
        if one.said_by == "postil" and one.verdict != "not merged"
    ]
    of_adapter = [one for one in counted if one.adapter == adapter]
    kinds = {}
    for kind in sorted({one.category for one in of_adapter}):
        tuned = _tune_kind(kind, [o for o in of_adapter if o.category == kind], settings)
        if tuned is not None:
            kinds[kind] = tuned
    return Tuning(repo=repo, adapter=adapter, kinds=kinds, vetoed=vetoes(outcomes))


def recent(outcomes: Sequence[Outcome], days: int) -> list[Outcome]:
    """Those whose pull request closed within so many days of the newest one."""
    if not outcomes:
        return []
    since = max(one.closed_at for one in outcomes) - timedelta(days=days)
    return [one for one in outcomes if one.closed_at >= since]


def weighed_rate(kind: str, outcomes: Sequence[Outcome], share: float) -> Rate:
    """How often remarks were acted on, with nobody's word above the share."""
    weights = weigh(outcomes, share)
    acted = sum(w for w, one in zip(weights, outcomes, strict=True) if one.verdict == "acted on")
    return rate_of(kind, acted, sum(weights))


def _tune_kind(
    kind: str, outcomes: Sequence[Outcome], settings: OutcomeSettings
) -> TunedKind | None:
    """Muted where even the upper end of the interval is under the bar; a higher threshold where
    the rate itself is, and the surer remarks reach the bar; else None: as it was calibrated."""
    found = weighed_rate(kind, outcomes, settings.person_share)
    if found.of < settings.least or found.value is None or found.high is None:
        return None
    told = (
        f"remarks of the kind {kind} were acted on in {found.value:.0%} of {found.of:.0f} votes"
        f" (at most {found.high:.0%}; the bar is {settings.bar:.0%})"
    )
    if found.high < settings.bar:
        return TunedKind(threshold=None, reason=f"muted: {told}")
    if found.value >= settings.bar:
        return None
    threshold = _raised(outcomes, settings)
    if threshold is None:
        return None
    return TunedKind(threshold=threshold, reason=f"only from {threshold:.2f} on: {told}")


def _raised(outcomes: Sequence[Outcome], settings: OutcomeSettings) -> float | None:
    """The threshold above which remarks reach the bar; None where there is none above the rest."""
    scored = [one for one in outcomes if one.score is not None]
    return choose_threshold(
        [one.score or 0.0 for one in scored],
        [one.verdict == "acted on" for one in scored],
        settings.bar,
        weights=weigh(scored, settings.person_share),
        least=LEAST_ABOVE,
    ).value


def vetoes(outcomes: Iterable[Outcome]) -> dict[str, str]:
    """Past remarks that several people refused when ours resembled them most, and nobody heeded;
    whichever adapter quoted them, and however long ago. The reason by address."""
    refused: dict[str, set[str]] = {}
    heeded = set()
    for one in (one for one in outcomes if one.said_by == "postil"):
        if one.echoes and one.verdict == "refused":
            refused.setdefault(one.echoes, set()).add(one.decided_by.lower())
        if one.verdict == "acted on":
            heeded.add(one.echoes)
    return {
        url: f"refused by {len(people)} people when it was said again: {url}"
        for url, people in sorted(refused.items())
        if len(people) >= LEAST_VETOES and url not in heeded
    }
