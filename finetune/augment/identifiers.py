"""Which names a window itself defines, and how a name is written. Pure; any language, by regex.

Only what is assigned, declared or looped over in the window may get another name: what comes from
elsewhere (a library's call, a keyword argument) is often what a remark is about. A wrong guess
costs truth, a missed one only a copy, so in doubt a name is left alone.
"""

import builtins
import re
from collections.abc import Iterator
from typing import NamedTuple

from postil.records import Window

LANGUAGES = frozenset(
    ("c", "cpp", "csharp", "go", "java", "javascript", "kotlin", "php", "python", "ruby", "rust")
) | {"scala", "swift", "typescript"}
"""Those whose definitions look as below; prose and configuration have no names to change."""

SHORTEST = 3
NAME = r"[A-Za-z_][A-Za-z0-9_]*"
WORD = re.compile(rf"(?<!\w){NAME}(?!\w)", re.ASCII)
PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")

TEXT = re.compile(
    r"""(?:[rbfu]{0,2})(?:\"\"\".*?(?:\"\"\"|$)|'''.*?(?:'''|$))  # what a docstring opens
      | "(?:\\.|[^"\\])*(?:"|$) | '(?:\\.|[^'\\])*(?:'|$) | `(?:\\.|[^`\\])*(?:`|$)
      | (?:^|(?<=\s))(?:\#|//|--\s|\*\s).*$ | /\*.*?(?:\*/|$)""",
    re.VERBOSE,
)
"""Strings and comments of one row. An apostrophe in prose opens a string: then less is code."""
PLAIN = re.compile(r"[A-Za-z]+(?: [A-Za-z]+){2,}")
"""Three words in a row; prose, as in a docstring, unless keywords are among them."""

HEADER = re.compile(
    rf"^\s*(?:(?:export|default|public|private|protected|internal|static|async|abstract|final|pub"
    rf"|inline|override|suspend|data)\s+)*"
    rf"(?:def|class|function|func|fun|fn|struct|interface|trait|enum|module|type)\s+({NAME})"
)
PARAMETER = re.compile(rf"[(,]\s*\*{{0,2}}({NAME})\s*(?=[,):=]|$)")
ASSIGNED = re.compile(
    rf"^\s*(?:(?:export|public|private|protected|static|final|const|let|var|val|mut|auto"
    rf"|readonly|my|our|local)\s+)*(?:[A-Za-z][\w<>\[\].]*(?:::[\w<>\[\].]+)*[*&?]*\s+[*&]*)?"
    rf"(?:(?:self|this|cls)\.|this->|@)?({NAME}(?:,\s*{NAME})*)"
    rf"(?:\s*:\s*[^=]+?)?\s+(?:=|:=|\+=|-=|\|=)\s"
)
LOOPED = re.compile(
    rf"\bfor\s*\(?\s*(?:const|let|var|auto&?)?\s*({NAME}(?:\s*,\s*{NAME})*)\s+(?:in|of|:=|=)\s"
)
CAUGHT = re.compile(rf"\b(?:with|except|catch)\b.*\bas\s+({NAME})")

KEYWORDS = """
abstract and any args array async auto await begin bool boolean break byte bytes case catch
chan char class cls const constexpr continue data declare def default defer delete descr
dict double elif else elsif end ensure enum err error except exec exit explicit export
extends extern fallthrough false final finally float for foreach friend from func function
get global goto guard hash if impl implements import in include init inline instanceof int
integer interface internal into is key kwargs lambda len let list lock log logger long loop
main map match mod module mut mutable namespace native new next nil none nonlocal not null
number object operator option optional out override package params parent pass print
private proc protected pub public put raise range readonly record redo ref register rescue
result retry return run sealed self send set setup setUp short signed sizeof static str
strictfp string struct sub super switch synchronized tearDown template test then this
throw throws trait transient true try tuple type typedef typename typeof undef undefined
union unknown unless unsafe unset unsigned until use using value var vararg vec vector
virtual void volatile when where while with xor yield
"""
RESERVED = frozenset((*dir(builtins), *KEYWORDS.split()))
"""Keywords, builtins, and names that mean something to a framework. Words such as `value` say too
little to be given to something else."""


def defined_names(window: Window) -> list[str]:
    """Names that the window defines and that may change, in their order."""
    if window.language not in LANGUAGES:
        return []
    rows = _read(window)
    found = dict.fromkeys(name for row in rows for name in _definitions(row) if _may_change(name))
    in_path = {word.lower() for word in WORD.findall(window.path.replace(".", " "))}
    return [n for n in found if n.lower() not in in_path and not any(_foreign(n, r) for r in rows)]


def declared_names(window: Window) -> set[str]:
    """The functions and classes among what a window defines."""
    matches = (HEADER.match(row.code) for row in _read(window))
    return {match.group(1) for match in matches if match}


def style_of(name: str) -> str:
    """How a name is written: lower, snake, camel, Pascal, UPPER, or mixed."""
    core = name.strip("_")
    if core.isupper():
        return "UPPER"
    if core.islower():
        return "snake" if "_" in core else "lower"
    if "_" in core:
        return "mixed"
    return "Pascal" if core[0].isupper() else "camel"


def is_compound(name: str) -> bool:
    """Whether nobody would write the name in prose: it has an underscore or an inner capital."""
    return "_" in name or style_of(name) == "camel" or len(PART.findall(name)) > 1


def parts_of(text: str) -> set[str]:
    """The words of three letters and more in a name or a text, small and without their endings."""
    parts = (part.lower() for part in PART.findall(text))
    return {_stem(part) for part in parts if len(part) >= SHORTEST}


def _stem(word: str) -> str:
    for ending in ("ing", "ed", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= SHORTEST:
            return word[: -len(ending)]
    return word


def _may_change(name: str) -> bool:
    core = name.strip("_")
    return (
        sum(map(str.isalpha, core)) >= SHORTEST
        and core not in RESERVED
        and core.lower() not in RESERVED
        and not name.endswith("__")
        and not core.lower().startswith("test")
        and style_of(name) != "mixed"
    )


class _Row(NamedTuple):
    """A row's text, what of it is code, and whether it goes on with a call begun above."""

    text: str
    code: str
    argument: bool


def _read(window: Window) -> list[_Row]:
    rows, above = [], ""
    for line in window.lines:
        code = code_of(line.text)
        ends = code.rstrip()
        goes_on = above.endswith((",", "(", "[")) or ends.endswith(",")
        rows.append(_Row(line.text, code, goes_on or ends.count(")") > ends.count("(")))
        above = ends or above
    return rows


def code_of(row: str) -> str:
    """A row without its strings, comments and prose."""
    code = TEXT.sub(" ", row)
    for match in PLAIN.finditer(code):
        if not RESERVED.intersection(match.group().split()):
            return ""
    return code


def _definitions(row: _Row) -> Iterator[str]:
    """Every name that looks defined in a row."""
    header = HEADER.match(row.code)
    if header:
        yield header.group(1)
        yield from PARAMETER.findall(row.code[header.end() :])
    for pattern in (LOOPED, CAUGHT):
        for match in pattern.finditer(row.code):
            yield from WORD.findall(match.group(1))
    assigned = ASSIGNED.match(row.code)
    if assigned and not row.argument:
        yield from WORD.findall(assigned.group(1))


def _foreign(name: str, row: _Row) -> bool:
    """Whether the name is something else too: an attribute of another thing, a keyword argument,
    a part of `a-word`, or, if a plain word, part of a text."""
    own = re.escape(name)
    whole = rf"(?<!\w){own}(?!\w)"
    if not re.search(own.replace("_", "[-_]"), row.text):
        return False
    if re.search(rf"(?<!self)(?<!this)(?<!cls)(?:\.|->|::|\?\.){own}(?!\w)", row.text):
        return True
    if re.search(rf"\w-{own}(?!\w)|(?<!\w){own}-\w", row.text):
        return True
    if "_" in name.strip("_") and own.replace("_", "-") in row.text:
        return True
    if not HEADER.match(row.code) and any(
        row.argument or match.group(1) == "=" or _is_open(row.text[: match.start()])
        for match in re.finditer(rf"{whole}(\s*=)(?!=)", row.text)
    ):
        return True  # a keyword argument, or an attribute in markup
    in_code = len(re.findall(whole, row.code))
    return not is_compound(name) and len(re.findall(whole, row.text)) > in_code


def _is_open(before: str) -> bool:
    return before.count("(") > before.count(")")
