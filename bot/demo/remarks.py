"""Decide who says what on which line of the sample team's pull requests.

Records of pull requests in, threads out; no I/O. Most broken pieces get a remark that is heeded.
The rest is noise as in life: matters of taste, questions, praise, a bot, somebody from outside,
authors talking about their own code.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Literal

from msgspec import Struct

from bot.demo.history import PullHistory
from bot.demo.pieces import Content, Piece
from bot.demo.placing import Placement
from bot.demo.plan import even_places, spread
from bot.demo.talk import Deck, Person, Talk

ThreadKind = Literal["remark", "nit", "question", "praise", "machine", "outsider", "self"]
Phase = Literal["opened", "reviewed", "revised", "closed"]

SUGGESTED = 0.10  # of the remarks that can carry a suggestion
UNANSWERED = 0.12
THANKED = 0.15
BY_SECOND = 0.25  # of the remarks come from the second reviewer
# Threads on neutral pieces, by kind.
NOISE: Mapping[ThreadKind, int] = {
    "nit": 24,
    "question": 24,
    "praise": 12,
    "machine": 11,
    "outsider": 8,
    "self": 10,
}
PRAISE_AFTER_REPAIR = 6
MACHINE_ON_BROKEN = 13


class Note(Struct, frozen=True, kw_only=True):
    """One comment of a thread."""

    author: Person
    body: str
    at: datetime
    phase: Phase


class Thread(Struct, frozen=True, kw_only=True):
    """Comments on one place: `lines` lines of a piece from its line `offset` (0-based)."""

    pull: int
    kind: ThreadKind
    placement: Placement
    offset: int
    lines: int = 1
    on_head: bool = False
    is_heeded: bool = False
    notes: tuple[Note, ...]


def write_threads(
    pulls: Sequence[PullHistory], content: Content, talk: Talk, rng: Random
) -> list[Thread]:
    """All threads of the history, by pull request."""
    remarks = _write_remarks(pulls, content, talk, rng)
    noise = _write_noise(pulls, talk, rng)
    return sorted([*remarks, *noise], key=lambda thread: (thread.pull, thread.notes[0].at))


def _write_remarks(
    pulls: Sequence[PullHistory], content: Content, talk: Talk, rng: Random
) -> list[Thread]:
    decks = {rule.slug: Deck(rule.remarks, rng) for rule in content.rules}
    hits = Deck(talk.phrases.outsider_hits, rng)
    acks = Deck(talk.phrases.acks, rng)
    thanks = Deck(talk.phrases.thanks, rng)
    threads: list[Thread] = []
    for pull in pulls:
        plan = pull.plan
        for nth, placement in enumerate(pull.placements):
            piece, fate = placement.piece, pull.fate(placement)
            if fate not in ("remarked", "outsider") or piece.rule is None:
                continue
            lines = 1
            if fate == "outsider":
                speaker, body = talk.outsider, hits.draw()
            else:
                speaker = plan.second if rng.random() < BY_SECOND else plan.reviewer
                body = _word_remark(decks[piece.rule], piece)
                repair = piece.suggestion()
                if repair is not None and rng.random() < SUGGESTED:
                    body += "\n\n```suggestion\n" + "\n".join(repair) + "\n```"
                    lines = piece.fault_lines
            notes = [_note(speaker, body, plan.reviewed_at, nth, "reviewed", rng)]
            if plan.is_revised and rng.random() >= UNANSWERED:
                notes.append(_note(plan.author, acks.draw(), plan.revised_at, nth, "revised", rng))
                if fate == "remarked" and rng.random() < THANKED:
                    notes.append(_note(speaker, thanks.draw(), plan.closed_at, nth, "closed", rng))
            threads.append(
                Thread(
                    pull=plan.number,
                    kind="remark" if fate == "remarked" else "outsider",
                    placement=placement,
                    offset=piece.fault - 1,
                    lines=lines,
                    is_heeded=plan.is_repaired(fate),
                    notes=tuple(notes),
                )
            )
    return threads


def _word_remark(deck: Deck, piece: Piece) -> str:
    if piece.name is None:
        return deck.draw(lambda text: "{name}" not in text)
    return deck.draw().replace("{name}", piece.name)


def _write_noise(pulls: Sequence[PullHistory], talk: Talk, rng: Random) -> list[Thread]:
    reviewed = [pull for pull in pulls if pull.plan.is_revised]
    neutral = [
        (pull, placement)
        for pull in reviewed
        for placement in pull.placements
        if placement.piece.rule is None
    ]
    kinds = spread([[kind] * count for kind, count in NOISE.items()], rng)
    words = _noise_words(talk, rng)
    answers = Deck(talk.phrases.answers, rng)
    threads: list[Thread] = []
    for kind, place in zip(kinds, even_places(len(kinds), len(neutral)), strict=False):
        pull, placement = neutral[place]
        nth = pull.placements.index(placement)
        offset = _pick_line(placement.piece.broken(), rng)
        notes = [_say(kind, pull, words, talk, nth, rng)]
        if kind == "question" and rng.random() < 0.5:
            notes.append(
                _note(pull.plan.author, answers.draw(), pull.plan.revised_at, nth, "revised", rng)
            )
        threads.append(
            Thread(
                pull=pull.plan.number,
                kind=kind,
                placement=placement,
                offset=offset,
                notes=tuple(notes),
            )
        )

    mended = [
        (pull, placement)
        for pull in reviewed
        for placement in pull.placements
        if pull.fate(placement) == "remarked"
    ]
    for place in even_places(MACHINE_ON_BROKEN, len(mended)):
        pull, placement = mended[place]
        piece = placement.piece
        others = [
            at
            for at, line in enumerate(piece.broken())
            if line.strip() and not 0 <= at - (piece.fault - 1) < piece.fault_lines
        ]
        threads.append(
            Thread(
                pull=pull.plan.number,
                kind="machine",
                placement=placement,
                offset=rng.choice(others),
                notes=(_say("machine", pull, words, talk, 0, rng),),
            )
        )
    for place in even_places(PRAISE_AFTER_REPAIR, len(mended) - 5):
        pull, placement = mended[place + 5]
        plan = pull.plan
        note = _note(plan.reviewer, words["praise"].draw(), plan.closed_at, 0, "closed", rng)
        threads.append(
            Thread(
                pull=plan.number,
                kind="praise",
                placement=placement,
                on_head=True,
                offset=_pick_line(placement.piece.repaired(), rng),
                notes=(note,),
            )
        )
    return threads


def _noise_words(talk: Talk, rng: Random) -> dict[ThreadKind, Deck]:
    said = talk.phrases
    return {
        "nit": Deck(said.nits, rng),
        "question": Deck(said.questions, rng),
        "praise": Deck(said.praise, rng),
        "machine": Deck(said.machine, rng),
        "outsider": Deck(said.outsider, rng),
        "self": Deck(said.selfnotes, rng),
    }


def _say(
    kind: ThreadKind,
    pull: PullHistory,
    words: Mapping[ThreadKind, Deck],
    talk: Talk,
    nth: int,
    rng: Random,
) -> Note:
    plan = pull.plan
    body = words[kind].draw()
    if kind == "machine":
        return _note(talk.bot, body, plan.opened_at, nth, "opened", rng)
    if kind == "self":
        return _note(plan.author, body, plan.opened_at, nth + 3, "opened", rng)
    if kind == "outsider":
        return _note(talk.outsider, body, plan.reviewed_at, nth, "reviewed", rng)
    speaker = plan.second if rng.random() < BY_SECOND else plan.reviewer
    return _note(speaker, body, plan.reviewed_at, nth, "reviewed", rng)


def _note(author: Person, body: str, begin: datetime, nth: int, phase: Phase, rng: Random) -> Note:
    """A comment some minutes into a phase; before the end for the last phase."""
    delay = timedelta(minutes=3 * nth + 1, seconds=rng.randrange(100))
    if phase == "closed":
        delay -= timedelta(minutes=45)
    return Note(author=author, body=body, at=begin + delay, phase=phase)


def _pick_line(lines: Sequence[str], rng: Random) -> int:
    """The first line half of the time, else any with text."""
    if rng.random() < 0.5:
        return 0
    return rng.choice([at for at, line in enumerate(lines) if line.strip()])
