"""Decide the pull requests of the sample team's past: pieces, people, dates, kinds.

Pieces in, plans out. Every rule is spread evenly over the whole time, so that a split by time
meets each rule in each part. No I/O; the same seed gives the same plan.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Literal, TypeVar

from msgspec import Struct

from bot.demo.pieces import Piece
from bot.demo.talk import Person, Talk

Kind = Literal["change", "clean", "rename", "delete", "rewritten", "abandoned"]
Fate = Literal["remarked", "unnoticed", "outsider", "neutral"]
Item = TypeVar("Item")

FIRST_DAY = datetime(2024, 3, 4, 8, tzinfo=UTC)  # a Monday
LAST_DAY = datetime(2025, 8, 22, 8, tzinfo=UTC)
WORK_BEGINS, WORK_ENDS = 7, 18  # hours, UTC

SIZES = (3, 4, 4, 5, 5, 6)  # pieces in one pull request
CLEAN_PULLS, CLEAN_PIECES = 6, 3
UNNOTICED = 7
OUTSIDER_HITS = 3
PULLS_PER_ISSUE = 14  # issues and pull requests share one row of numbers
# Where in the history, as a share of its pull requests, the uncommon kinds stand.
UNCOMMON: tuple[tuple[float, Kind], ...] = (
    (0.12, "abandoned"),
    (0.25, "rename"),
    (0.36, "abandoned"),
    (0.45, "rewritten"),
    (0.55, "delete"),
    (0.62, "abandoned"),
    (0.72, "rename"),
    (0.86, "abandoned"),
)


class Plan(Struct, frozen=True, kw_only=True):
    """One pull request to be made."""

    number: int
    kind: Kind
    pieces: tuple[tuple[Piece, Fate], ...]
    author: Person
    reviewer: Person
    second: Person
    opened_at: datetime
    reviewed_at: datetime
    revised_at: datetime
    closed_at: datetime

    @property
    def is_revised(self) -> bool:
        """Whether a second version repairs what was remarked on."""
        return self.kind not in ("clean", "abandoned")

    @property
    def is_merged(self) -> bool:
        """Whether it came into main."""
        return self.kind != "abandoned"

    def is_repaired(self, fate: Fate) -> bool:
        """Whether a piece of that fate is mended in the last version."""
        return self.is_revised and fate in ("remarked", "outsider")


class _Draft(Struct):
    kind: Kind
    pieces: list[Piece]


def plan_pulls(pieces: Sequence[Piece], talk: Talk, rng: Random) -> tuple[Plan, ...]:
    """Plan the whole past; every piece is used once."""
    drafts = _draft_pulls(pieces, rng)
    fates = _choose_fates(drafts)
    plans: list[Plan] = []
    for at, draft in enumerate(drafts):
        reviewer, second = rng.sample(list(talk.reviewers), 2)
        opened = _opening_day(at, len(drafts), rng)
        reviewed = shift_to_work(opened + _hours(rng, 2, 28))
        revised = shift_to_work(reviewed + _hours(rng, 1, 40))
        plans.append(
            Plan(
                number=at + 1 + at // PULLS_PER_ISSUE,
                kind=draft.kind,
                pieces=tuple(
                    (piece, fates.get(piece.id, "remarked" if piece.rule else "neutral"))
                    for piece in draft.pieces
                ),
                author=talk.authors[(at * 3 + rng.randrange(2)) % len(talk.authors)],
                reviewer=reviewer,
                second=second,
                opened_at=opened,
                reviewed_at=reviewed,
                revised_at=revised,
                closed_at=shift_to_work(revised + _hours(rng, 1, 30)),
            )
        )
    return tuple(plans)


def spread(groups: Sequence[Sequence[Item]], rng: Random) -> list[Item]:
    """Mix groups so that each is spread evenly over the whole; within a group at random."""
    keyed: list[tuple[float, int, Item]] = []
    for group in groups:
        mixed = rng.sample(list(group), len(group))
        for at, item in enumerate(mixed):
            keyed.append(((at + rng.random()) / len(mixed), len(keyed), item))
    return [item for _, _, item in sorted(keyed, key=lambda entry: entry[:2])]


def even_places(count: int, total: int) -> list[int]:
    """`count` indices of a row of `total`, evenly apart; all of them if there are fewer."""
    count = min(count, total)
    return [int((at + 0.5) * total / count) for at in range(count)]


def group_by_rule(pieces: Sequence[Piece]) -> list[list[Piece]]:
    """The pieces of each rule, the neutral ones as a group of their own."""
    groups: dict[str, list[Piece]] = {}
    for piece in pieces:
        groups.setdefault(piece.rule or "", []).append(piece)
    return list(groups.values())


def shift_to_work(moment: datetime) -> datetime:
    """The same moment, or the next one at which people work; keeps the order of moments."""
    if moment.hour >= WORK_ENDS:
        moment = (moment + timedelta(days=1)).replace(hour=WORK_BEGINS)
    if moment.hour < WORK_BEGINS:
        moment = moment.replace(hour=WORK_BEGINS)
    while moment.weekday() >= 5:
        moment = (moment + timedelta(days=1)).replace(hour=WORK_BEGINS)
    return moment


def _hours(rng: Random, least: int, most: int) -> timedelta:
    return timedelta(seconds=rng.randrange(least * 3600, most * 3600))


def _opening_day(at: int, count: int, rng: Random) -> datetime:
    share = (at + 0.6 * rng.random()) / count
    moment = FIRST_DAY + share * (LAST_DAY - FIRST_DAY)
    return shift_to_work(moment.replace(microsecond=0))


def _draft_pulls(pieces: Sequence[Piece], rng: Random) -> list[_Draft]:
    row = spread(group_by_rule(pieces), rng)
    neutral = [piece for piece in row if piece.rule is None]
    kept_clean = [neutral[at] for at in even_places(CLEAN_PULLS * CLEAN_PIECES, len(neutral))]
    taken = {piece.id for piece in kept_clean}
    drafts = [
        _Draft("change", chunk)
        for chunk in _chunk([piece for piece in row if piece.id not in taken], rng)
    ]
    places = even_places(len(kept_clean) // CLEAN_PIECES, len(drafts))
    for nth, place in reversed(list(enumerate(places))):
        chunk = kept_clean[nth * CLEAN_PIECES : (nth + 1) * CLEAN_PIECES]
        drafts.insert(place, _Draft("clean", chunk))
    for share, kind in UNCOMMON:
        place = int(share * len(drafts))
        while drafts[place].kind != "change":
            place += 1
        drafts[place].kind = kind
    return drafts


def _chunk(row: list[Piece], rng: Random) -> list[list[Piece]]:
    chunks: list[list[Piece]] = []
    while row:
        size = rng.choice(SIZES)
        if len(row) - size < min(SIZES):
            size = len(row) if len(row) <= max(SIZES) else len(row) // 2
        chunks.append(row[:size])
        row = row[size:]
    return chunks


def _choose_fates(drafts: Sequence[_Draft]) -> dict[str, Fate]:
    """The few violations that nobody saw, or only somebody from outside; each of another rule."""
    changes = [draft for draft in drafts if draft.kind == "change"]
    fates: dict[str, Fate] = {}
    used: set[str] = set()
    wanted: tuple[tuple[Fate, int, int], ...] = (
        ("unnoticed", UNNOTICED, 0),
        ("outsider", OUTSIDER_HITS, 2),
    )
    for fate, count, offset in wanted:
        for place in even_places(count, len(changes) - offset):
            broken = [
                piece
                for piece in changes[place + offset].pieces
                if piece.rule and piece.rule not in used and piece.id not in fates
            ]
            if broken:
                fates[broken[0].id] = fate
                used.add(str(broken[0].rule))
    return fates
