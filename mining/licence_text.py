"""The text of a licence file -> what it says, as an SPDX expression. Pure.

Nobody's word is stretched: a text with a clause more or less than a known one is not that licence,
and terms that stand beside a known licence are named as such.
https://spdx.github.io/spdx-spec/v3.0.1/annexes/license-matching-guidelines-and-templates/
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

from mining.licence_wordings import WORDINGS, Wording

NONE = "NOASSERTION"
"""SPDX's word for a licence about which nothing is claimed."""
OTHER = "LicenseRef-other-terms"
UNSTATED = "LicenseRef-{}-later-versions-unstated"
"""One of the GNU family of which it is not said whether later versions are meant too."""

GNU = re.compile(r"[AL]?GPL-\d\.\d")
OLD_GNU = re.compile(r"\b([AL]?GPL-\d\.\d)(\+)?(?![\w.+-])")
LATER = "or at your option any later version"
IDENTIFIER = re.compile(r"SPDX-License-Identifier:[ \t]*([\w.+() -]{1,200})")
COPYRIGHT = re.compile(
    r"^\W*(?:Copyright\b|COPYRIGHT \(C\)|\([cC]\) ?\d|©|[Aa]ll [Rr]ights [Rr]eserved).{0,160}$",
    re.M,
)
WORD = re.compile(r"[a-z0-9]+")
BINDING = re.compile(
    r"\b(?:cannot|commercial|conditions?|except|forbidden|may|must|never|nobody|noncommercial|not"
    r"|only|permitted|prohibited|provided|required|restricted|shall|unless|without)\b"
)
"""Words of which one stands in nearly every clause that grants or forbids anything."""
HEAD_CHARS = 1000
"""Where a licence file may name its licence; farther down it may be that of code shipped along."""
TRIES = 8
"""Places at which a wording may seem to begin."""
TAIL_SLACK = 30
"""Words by which what follows a licence may be longer or shorter."""


class Known(NamedTuple):
    """The licences whose wording a text has, and the words that belong to none of them."""

    ids: tuple[str, ...]
    rest: str
    preface: str
    """Those before the first licence of the GNU family; behind it stands how others may put it."""


def recognise(text: str) -> Known:
    """Find the known licences in a text."""
    rest = f" {' '.join(WORD.findall(COPYRIGHT.sub('', text).lower()))} "
    ids: list[str] = []
    preface = rest
    for wording in WORDINGS:
        while (found := _find(wording, rest)) is not None:
            ids.append(wording.id)
            if GNU.fullmatch(wording.id):
                preface = min(preface, f"{rest[: found[0]]} ", key=len)
            rest = f"{rest[: found[0]]} {rest[found[1] :]}"
    return Known(tuple(dict.fromkeys(ids)), rest, preface)


def _find(wording: Wording, text: str) -> tuple[int, int] | None:
    """Where the wording begins and ends, with what comes after it and binds nobody."""
    start = -1
    for _ in range(TRIES):
        start = text.find(f" {wording.passages[0]} ", start + 1)
        if start < 0:
            return None
        end = _end(wording, text, start)
        if end and abs(text.count(" ", start, end) - wording.words) <= wording.slack:
            if len(BINDING.findall(text, start, end)) != wording.binding:
                continue
            return start, _end_of_tail(wording, text, end)
    return None


def _end_of_tail(wording: Wording, text: str, end: int) -> int:
    for last, words in wording.tails:
        found = _end_of(last, text, end)
        if found and abs(text.count(" ", end, found) - words) <= TAIL_SLACK:
            return found
    return end


def _end(wording: Wording, text: str, at: int) -> int | None:
    found: int | None = at
    for passage in wording.passages:
        if found is not None:
            found = _end_of(passage, text, found)
    return found


def _end_of(passage: str, text: str, at: int) -> int | None:
    """Where the passage ends that comes next; None where it does not come."""
    found = text.find(f" {passage} ", at)
    return None if found < 0 else found + len(passage) + 1


def licence_of(text: str, beside: str = "") -> str:
    """The licence that a file states; NONE where its wording is not known.

    `beside` is what other files say; of the GNU family it tells whether later versions are meant.
    """
    if declared := declared_in(text[:HEAD_CHARS]):
        return both(declared)
    known = recognise(text)
    if not known.ids:
        return NONE
    bound = BINDING.search(known.rest)
    ids = [versioned(one, known.preface, beside) for one in known.ids]
    return both([*ids, OTHER] if bound else ids)


def versioned(licence: str, preface: str, beside: str) -> str:
    """One of the GNU family with the versions that are meant; others stay as they are."""
    if GNU.fullmatch(licence) is None:
        return licence
    declared = " ".join(declared_in(beside)).split()
    said = f"{preface} {' '.join(WORD.findall(beside.lower()))} "
    number = " ".join(WORD.findall(licence.lower())[1:]).removesuffix(" 0")
    before = rf" version {number}(?: 0)? (?:of the (?:\w+ ){{0,5}}license )?"
    for suffix, words in (("-or-later", LATER), ("-only", "only")):
        if f"{licence}{suffix}" in declared or re.search(f"{before}{words} ", said):
            return f"{licence}{suffix}"
    return unstated(licence)


def unstated(licence: str) -> str:
    """As it is named where only its text is known: of the GNU family, without its versions."""
    return UNSTATED.format(licence) if GNU.fullmatch(licence) else licence


def declared_in(text: str) -> list[str]:
    """The expressions of `SPDX-License-Identifier:` lines that are valid, each once."""
    found = (expression(match[1]) for match in IDENTIFIER.finditer(text))
    return list(dict.fromkeys(one for one in found if one))


def expression(text: str) -> str | None:
    """A valid SPDX expression as SPDX writes it today; None for anything else."""
    try:
        whole = str(canonicalize_license_expression(text.strip(" -")))
    except InvalidLicenseExpression:
        return None
    return OLD_GNU.sub(lambda m: f"{m[1]}-or-later" if m[2] else f"{m[1]}-only", whole)


def both(licences: Iterable[str]) -> str:
    """All of them together; a choice between two is put in brackets."""
    each = sorted(set(licences))
    return " AND ".join(f"({one})" if " OR " in one and each[1:] else one for one in each)
