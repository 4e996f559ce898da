"""Does an adapter still do what it did: acted-on rate, comment rate, scores -> alarms. Pure.

Everything is counted, not timed, so that no clock matters. A rate leaves its band where the 99 %
intervals of now and before do not touch (it is looked at over and over); scores, where the
stability index is over 0.25. Below LEAST_VOTES, LEAST_PULLS or LEAST_WINDOWS on either side nothing
is said.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

from bot.outcomes.rates import Rate, rate_of
from bot.outcomes.scores import add_counts, stability
from bot.outcomes.tuning import weighed_rate
from finetune.shares import wilson
from postil.records import Draft, Outcome, Record

Kind = Literal["acted-on rate", "comment rate", "scores"]

LEAST_VOTES = 30
"""Remarks that were judged, with one person's share capped."""
RECENT_REMARKS, EARLIER_REMARKS = 60, 240
LEAST_PULLS = 50
"""Pull requests; of each the first head that the adapter read."""
LEAST_WINDOWS = 500
"""With fewer, the index is large by chance: it is about 9 (1/n + 1/m) for ten bins without any
shift (Yurdakul 2018, "Statistical properties of population stability index"), here 0.04."""
SHIFT = 0.25
SURE = 2.576
"""Standard errors to each side that hold 99 %. Over 500 remarks without any change an alarm came in
at most 2 of 300 made-up series with it, in 35 with 95 %."""


class Alarm(Record, frozen=True, kw_only=True):
    """Something left its band. `worse`: so that the adapter before should have its place again."""

    repo: str
    adapter: str
    kind: Kind
    text: str
    worse: bool


class Fall(Record, frozen=True, kw_only=True):
    """An adapter that had to make room for the one before it; `at` in seconds since 1970."""

    repo: str
    adapter: str
    to: str
    """"": it is not known to have been done."""
    at: float
    text: str

    def in_words(self) -> str:
        """What was done, when and why."""
        day = f"{datetime.fromtimestamp(self.at, UTC):%Y-%m-%d %H:%M}"
        done = f"made room for {self.to}" if self.to else "was to make room, and it broke off"
        return f"{day} {self.adapter} {done}: {self.text}"


def find_drift(
    repo: str, adapter: str, outcomes: Sequence[Outcome], drafts: Sequence[Draft], share: float
) -> list[Alarm]:
    """What is out of its band for the live adapter; `drafts` and `outcomes` the oldest first.

    `share`: the most of all votes that one person has.
    """
    found = [
        _acted_on(adapter, outcomes, share),
        *_reviews([draft for draft in drafts if draft.adapter == adapter]),
    ]
    return [
        Alarm(repo=repo, adapter=adapter, kind=kind, text=text, worse=worse)
        for kind, text, worse in filter(None, found)
    ]


Found = tuple[Kind, str, bool]


def _acted_on(adapter: str, outcomes: Sequence[Outcome], share: float) -> Found | None:
    """The adapter's last remarks against all that was said before them, by whichever adapter."""
    judged = [o for o in outcomes if o.said_by == "postil" and o.verdict != "not merged"]
    own = [one for one in judged if one.adapter == adapter][-RECENT_REMARKS:]
    if not own:
        return None
    earlier = judged[: judged.index(own[0])][-EARLIER_REMARKS:]
    now = weighed_rate("now", own, share)
    before = weighed_rate("before", earlier, share) if earlier else rate_of("before", 0, 0)
    if min(now.of, before.of) < LEAST_VOTES or not _is_under(now, before):
        return None
    return "acted-on rate", f"fell to {now.shown()} from {before.shown()}", True


def _reviews(drafts: Sequence[Draft]) -> list[Found | None]:
    """The adapter's last pull requests against its own first ones."""
    first: dict[int, Draft] = {}
    for draft in drafts:
        first.setdefault(draft.pull, draft)
    heads = [draft for draft in first.values() if draft.windows]
    if len(heads) < 2 * LEAST_PULLS:
        return []
    begun, last = heads[:LEAST_PULLS], heads[-LEAST_PULLS:]
    return [_comments(begun, last), _scores(begun, last)]


def _comments(begun: Sequence[Draft], last: Sequence[Draft]) -> Found | None:
    """How many pull requests get a remark at all; only more of them is worse."""
    before, now = _spoken("before", begun), _spoken("now", last)
    if _is_under(before, now):
        return "comment rate", f"rose to {now.shown()} from {before.shown()}", True
    if _is_under(now, before):
        return "comment rate", f"fell to {now.shown()} from {before.shown()}", False
    return None


def _scores(begun: Sequence[Draft], last: Sequence[Draft]) -> Found | None:
    """A shift says that the code is another, not that an older adapter would know it better."""
    before, now = (add_counts(draft.chances for draft in some) for some in (begun, last))
    if min(sum(before), sum(now)) < LEAST_WINDOWS:
        return None
    index = stability(before, now)
    if index <= SHIFT:
        return None
    text = f"the gate's probabilities shifted: stability index {index:.2f}, over {SHIFT}"
    return "scores", text, False


def _spoken(name: str, drafts: Sequence[Draft]) -> Rate:
    return rate_of(name, sum(bool(draft.findings) for draft in drafts), len(drafts))


def _is_under(low: Rate, high: Rate) -> bool:
    if not low.of or not high.of:
        return False
    return wilson(low.acted, low.of, SURE)[1] < wilson(high.acted, high.of, SURE)[0]
