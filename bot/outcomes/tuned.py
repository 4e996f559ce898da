"""What outcomes made of an adapter's gate in one repository, and what it silences. Pure.

Outcomes can only make it quieter: a kind of remark gets a higher threshold or is muted, and a past
remark that people refused when we quoted it is not quoted again.
"""

import msgspec

from finetune.categories import categorize
from postil.records import Record, Resemblance


class TunedKind(Record, frozen=True, kw_only=True):
    """A kind of remark that is made from `threshold` on only; None: never."""

    threshold: float | None
    reason: str


class Tuning(Record, frozen=True, kw_only=True):
    """By kind (`finetune.categories`) and by the address of a past remark, with the reasons."""

    version: int = 1
    repo: str
    adapter: str
    kinds: dict[str, TunedKind] = msgspec.field(default_factory=dict)
    vetoed: dict[str, str] = msgspec.field(default_factory=dict)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Everything it silences, in words."""
        return (*(tuned.reason for tuned in self.kinds.values()), *self.vetoed.values())

    def silences(self, message: str, score: float, resembles: tuple[Resemblance, ...] = ()) -> str:
        """Why a remark is not made; "" where it is."""
        if resembles and (veto := self.vetoed.get(resembles[0].url)):
            return veto
        kind = categorize(message)
        tuned = self.kinds.get(kind)
        if tuned is None or (tuned.threshold is not None and score >= tuned.threshold):
            return ""
        return tuned.reason


UNTUNED = Tuning(repo="", adapter="")
