"""A window whose own names were exchanged for others of the same team; its remark follows. Pure.

A name gives way to one written in the same style, of the same length (so that lines stay as long
and as aligned as they were) and defined elsewhere in the same repository's training part. What a
remark is about keeps its name, and remarks about naming are left alone.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from random import Random

import msgspec

from finetune.augment.copies import (
    NO_GRAMMAR,
    Batch,
    Way,
    balance,
    copy_windowed,
    draw_for,
    read_remark,
)
from finetune.augment.identifiers import (
    WORD,
    declared_names,
    defined_names,
    is_compound,
    parts_of,
    style_of,
)
from postil.answer import Remark
from postil.errors import PayloadError
from postil.records import Pair, Window

WAY: Way = "renaming"
MOST = 3
"""Names that change in one copy."""

ABOUT_NAMES = re.compile(
    r"""\b(?:re)?nam(?:e|es|ed|ing|espac\w*)\b | \bcall(?:ed|ing)?\s+(?:it|this|that|them|these)\b
      | \b(?:typos?|mis-?spel\w+|spell\w*|prefix\w*|suffix\w*|abbreviat\w*|acronyms?|plurals?
      |  singular|camel-?case\w*|snake[_-]?case\w*|pascal-?case|(?:upper|lower)-?case\w*
      |  underscores?|capital\w*|readab\w+|misleading|confusing|descriptive|identifiers?
      |  conventions?|shadow\w*|verbs?|nouns?|words?|vars?|variables?)\b
      | (?<!\w)['"]\w+['"](?!\w)""",
    re.IGNORECASE | re.VERBOSE,
)
CODE_SPAN = re.compile(r"(`+)(.+?)\1", re.DOTALL)

NAMES_MEANT = "a remark about names"
NONE_OF_ITS_OWN = "no name of its own to change"
NO_OTHER = "no other name of that style and length"

SHARED = 2
"""Files that declare a function or class of one name: then it is a convention (`setUp`)."""


Shape = tuple[str, bool, str, int]
"""Language, whether it is a function or class, style and length of a name."""


class Pool(msgspec.Struct, kw_only=True):
    """The names of one repository."""

    names: dict[Shape, list[str]]
    shared: set[str]
    """Those that keep their meaning in several files, and so keep their place."""


def rename(pairs: Sequence[Pair], count: int, seed: int) -> Batch:
    """Up to `count` copies of each pair with a window, no two with the same names."""
    pools = gather_names(pairs)
    batch = Batch(made=[])
    for pair in pairs:
        made, reason = _copies(pair, count, pools[pair.repo], draw_for(pair, WAY, seed))
        batch.made.append(made)
        batch.refused[reason] += count - len(made)
    return balance(batch, pairs, WAY, seed)


def gather_names(pairs: Sequence[Pair]) -> dict[str, Pool]:
    """What each repository's windows define."""
    pools: dict[str, Pool] = {}
    for repo in {pair.repo for pair in pairs}:
        windows = [pair.window for pair in pairs if pair.repo == repo and pair.window]
        files: dict[str, set[str]] = defaultdict(set)
        for window in windows:
            for name in declared_names(window):
                files[name].add(window.path)
        shared = {name for name, paths in files.items() if len(paths) >= SHARED}
        shapes: dict[Shape, set[str]] = defaultdict(set)
        for window in windows:
            for name in set(defined_names(window)) - shared:
                shapes[_shape(name, window)].add(name.strip("_"))
        pools[repo] = Pool(names={s: sorted(n) for s, n in shapes.items()}, shared=shared)
    return pools


def _shape(name: str, window: Window) -> Shape:
    core = name.strip("_")
    return window.language, name in declared_names(window), style_of(core), len(core)


def _copies(pair: Pair, count: int, pool: Pool, draw: Random) -> tuple[list[Pair], str]:
    """The copies, and why there are not `count` of them."""
    assert pair.window is not None  # noqa: S101 - only pairs with a window are asked for
    try:
        remark = read_remark(pair)
    except PayloadError:
        return [], NO_GRAMMAR
    message = remark.message if remark else ""
    if ABOUT_NAMES.search(CODE_SPAN.sub(" ", message)):
        return [], NAMES_MEANT
    names = [
        name
        for name in defined_names(pair.window)
        if name not in pool.shared and not is_meant(name, message)
    ]
    if not names:
        return [], NONE_OF_ITS_OWN
    made: list[Pair] = []
    said: set[tuple[tuple[str, str], ...]] = set()
    for _ in range(count):
        chosen = draw.sample(names, min(draw.randint(1, MOST), len(names)))
        others = _choose(chosen, pair.window, remark, pool, draw)
        if others and tuple(sorted(others.items())) not in said:
            said.add(tuple(sorted(others.items())))
            window = _renamed_window(pair.window, others)
            renamed = remark and _renamed_remark(remark, others)
            made.append(copy_windowed(pair, WAY, len(made) + 1, window, renamed))
    return made, NO_OTHER


def is_meant(name: str, message: str) -> bool:
    """Whether a message speaks of what a name says, and not just quotes the name.

    "The timeout should be longer" means `timeout_s`; "`timeout_s` may be None" would hold for any
    other name as well.
    """
    prose = CODE_SPAN.sub(
        lambda span: " " if name in WORD.findall(span.group(2)) else span.group(), message
    )
    whole = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")
    if is_compound(name):
        prose = whole.sub(" ", prose)
    return bool(parts_of(name) & parts_of(prose)) or whole.search(prose) is not None


def _choose(
    chosen: Sequence[str], window: Window, remark: Remark | None, pool: Pool, draw: Random
) -> dict[str, str]:
    """A name for each chosen one that has a fitting other; none of them known to the pair."""
    message = f"{remark.message}\n{remark.suggestion or ''}" if remark else ""
    rows = (line.text for line in window.lines)
    words = set(WORD.findall("\n".join((window.path, message, *rows))))
    known = words | {word.strip("_") for word in words}
    spoken = parts_of(message)
    others: dict[str, str] = {}
    for name in chosen:
        core = name.strip("_")
        fitting = [
            other
            for other in pool.names.get(_shape(name, window), ())
            if other not in known and not parts_of(other) & spoken
        ]
        if fitting:
            other = draw.choice(fitting)
            others[name] = name.replace(core, other)
            known.add(other)
    return others


def _renamed_window(window: Window, others: Mapping[str, str]) -> Window:
    lines = tuple(
        msgspec.structs.replace(line, text=respell(line.text, others)) for line in window.lines
    )
    return msgspec.structs.replace(window, lines=lines)


def _renamed_remark(remark: Remark, others: Mapping[str, str]) -> Remark:
    suggestion = remark.suggestion
    return msgspec.structs.replace(
        remark,
        message=respell(remark.message, others),
        suggestion=None if suggestion is None else respell(suggestion, others),
    )


def respell(text: str, others: Mapping[str, str]) -> str:
    """Exchange whole names, all at once."""
    return WORD.sub(lambda match: others.get(match.group(), match.group()), text)
