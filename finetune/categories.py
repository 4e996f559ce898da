"""What kind of remark it is, from its words alone: six kinds, told by cues with learned weights.

The weights in `categories.json` are those of a logistic regression over whether each cue is there,
fitted by `python -m benchmarks.categories --write`, which prints how often it is right. Plain
Python, the same everywhere.
"""

import re
from functools import cache
from pathlib import Path
from typing import Literal

import msgspec

from postil.records import Record

Category = Literal["code", "documentation", "naming", "style", "question", "other"]
CATEGORIES: tuple[Category, ...] = (
    "code",
    "documentation",
    "naming",
    "style",
    "question",
    "other",
)
"""The code itself; comments, docs and messages; names; looks; asking only; praise and talk."""
WEIGHTS_FILE = Path(__file__).with_name("categories.json")

WORDS = {
    "renaming": r"\brenam|\bnaming|\b(?:bad|better|good|variable|function|method|class) name",
    "names": r"\b(?:re)?nam(?:e|es|ed|ing)\b|\bcall(?:ed)? (?:it|this)\b|\bprefix|\bsuffix"
    r"|\bhungarian|\bplural|\bspelled",
    "slips": r"\btypo|\bs/[^/]+/[^/]+/|\bspell|\bgrammar|\bmisspel",
    "comments": r"\bcomments?\b|\bdocstrings?\b|\bdocs?\b|\bdocument(?:ed|ation|ing)?\b|\breadme"
    r"|\bhelp text|\bsentence|\bparagraph|\bchangelog|\bpydoc",
    "wording": r"\bmessages?\b|\bwording|\brephrase|\breword|\bphras|\bclarif|\bexplain|\bmention"
    r"|\bdescri(?:be|ption)|\btext\b|\bread as\b",
    "links": r"\bcommit message|\breno\b|\brelease note|https?://|\blink\b|\breference\b|\bTODO\b"
    r"|\bNOTE\b",
    "a quoted sentence": r'"[^"]{15,}"',
    "layout": r"\bindent|\bwhitespace|\bspaces?\b|\btabs?\b|\bblank line|\bnew ?lines?\b"
    r"|\bline length|\bcol(?:umn)?s\b|\b(?:79|80|100) char|\bwrap|\bparen|\bbrackets?\b|\bbraces"
    r"|\btrailing|\balign|\bformat(?:ting)?\b|\bpep ?8|\b(?:one|same|next|single) line",
    "style": r"\bstyle|\bconsisten|\breadab|\bimports?\b|\border(?:ing)?\b|\balphabet"
    r"|\bsort(?:ed)?\b|\bquotes?\b|\bf-strings?\b|\bconvention",
    "nit": r"^\W*(?:super )?nit(?:s|pick)?\b|\bnit:",
    "tests": r"\btests?\b|\btesting|\bassert\w*|\bmock\w*|\bfixture|\bcoverage|\bunit ?tests?"
    r"|\bregression",
    "removal": r"\bremov|\bdelete|\bdrop\b|\bget rid|\bunnecessary|\bunused|\bredundant"
    r"|\bsuperfluous|\bnot needed|\bno need|\bneeded\b|\bdon'?t need|\bleftover|\bdead code"
    r"|\bobsolete",
    "reuse": r"\bsimpl|\binstead of|\bcould just|\bjust use|\binline|\bre-?use|\bhelper|\brefactor"
    r"|\bduplicat|\bconstant|\bloop|\bone-?line|\bshorter|\bcomprehension"
    r"|\balready (?:have|has|do)",
    "faults": r"\bbug|\bwrong|\bincorrect|\bbreak|\bbroken|\bfail|\bcrash|\bleak|\brace\b|\bnone\b"
    r"|\bnull\b|\boverflow|\bundefined|\bunsafe|\bsecur|\bedge case|\bwon'?t work"
    r"|\bdoesn'?t work|\bmissing|\bnever\b|\balways\b",
    "errors": r"\bexcept|\braise|\berrors?\b|\bexit code|\bcatch|\bhandl|\blog(?:ging|s)?\b|\bwarn",
    "checks": r"\bcheck|\bvalidat|\bensure|\bempty\b|\bwhat if|\bwhat happens|\bconcurren|\bslow"
    r"|\bperforman|\bfast|\bcache|\bmemory|\bcompil",
    "interface": r"\bapi\b|\binterface|\bargument|\bparam|\boption|\bconfig|\bflag|\bdefault"
    r"|\bclass\b|\bsubclass|\bobject\b|\bmethod|\bmodule|\bsignature|\btype\b",
    "place": r"\bmove|\bbelong|\bsplit|\bseparate|\bextract|\bfollow-?up|\bapproach|\bdesign"
    r"|\bprefer|\bbetter to|\barchitect|\bwould be (?:nice|good|better)|\b(?:how|what) about"
    r"|\bmaybe",
    "asks": r"\?",
    "ends asking": r"\?\W*$",
    "opens asking": r"^\W*(?:why|what|how|where|when|is|are|do|does|did|can|could you|should|so)\b"
    r"[^.]*\?",
    "wonders": r"\bwhy\b|\bwondering|\bcurious|\bunderstand|\bnot sure|\bdon'?t (?:get|know|see)\b"
    r"|\bdo we\b|\bdoes this|\bcan you explain",
    "proposes": r"\bshould\b|\bplease\b|\bneeds? to\b|\bcan (?:you|we)\b|\bcould\b|\bmust\b",
    "praise": r"\bthanks|\bthank you|\bnice\b|\bgreat\b|\bcool\b|\bgood (?:catch|call|point)"
    r"|\b\+1\b|\bagree|\blgtm|\blove\b|\byep\b|\byeah\b|\bok(?:ay)?\b|\bsorry|\bdone\b",
    "own doing": r"\bI(?:'ll| will|'ve| have| think| did| was| am|'m)\b",
    "code span": r"`[^`]+`",
    "code block": r"```|\n {4}\S",
    "suggestion": r"```suggestion",
    "call": r"\w\(\)|\w\(\w+",
    "snake case": r"\b\w+_\w+\b",
}
CUES = {name: re.compile(pattern, re.IGNORECASE | re.MULTILINE) for name, pattern in WORDS.items()}
SHORT, LONG = 60, 400
"""Characters up to and from which the length is a cue."""


class Weights(Record, frozen=True, kw_only=True):
    """One row of weights for each category, in the order of `cues`."""

    cues: tuple[str, ...]
    intercepts: dict[str, float]
    weights: dict[str, tuple[float, ...]]


def categorize(message: str) -> Category:
    """The likeliest kind; the first of CATEGORIES among equals."""
    found, learned = cues_of(message), _weights()
    return max(
        CATEGORIES,
        key=lambda name: (
            learned.intercepts[name]
            + sum(weight for weight, here in zip(learned.weights[name], found, strict=True) if here)
        ),
    )


def cue_names() -> tuple[str, ...]:
    """The cues in the order of `cues_of`."""
    return (*CUES, "short", "long")


def cues_of(message: str) -> list[bool]:
    """Which cues are in a message."""
    length = len(message)
    return [*(bool(cue.search(message)) for cue in CUES.values()), length <= SHORT, length >= LONG]


@cache
def _weights() -> Weights:
    return msgspec.json.decode(WEIGHTS_FILE.read_bytes(), type=Weights)
