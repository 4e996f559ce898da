"""Model text -> markdown that can do nothing. Pure.

The text is read as CommonMark and written anew from its tokens: paragraphs, lists, code spans and
code blocks remain, everything else becomes plain text. What comes out mentions nobody, links
nowhere but under the prefixes allowed, refers to no issue, shows no image, holds no HTML, gives
no bot a command, and shows invisible characters as `<U+202E>`.
"""

import re
from collections.abc import Sequence
from itertools import accumulate

from markdown_it import MarkdownIt
from markdown_it.token import Token

from postil.answer import fence_for
from postil.diff import LANGUAGES
from postil.prompt import reveal

LONGEST_MESSAGE = 2000
"""Characters read of one message; a looping model once posted 100,000 pixels of comment
(mozilla/bugbug#5995)."""

MOST_LINES = 40
LONGEST_PATH = 200
BREAK = "\u200b"
"""Zero-width space: ends a mention or a reference without being seen, as Dependabot does."""

BOTS = (
    "bors|claude|codex|coderabbitai|copilot|cursor|dependabot|gemini-code-assist|github-actions"
    "|greptileai|homu|k8s-ci-robot|mergify|mergifyio|pre-commit-ci|qodo-merge-pro|renovate"
    "|rustbot|sourcery-ai"
)
BOT_NAME = re.compile(rf"(?<![\w@])@(?={BOTS}\b)", re.IGNORECASE)
COMMAND = re.compile(r"^[ \t]*/(?=[a-z])", re.MULTILINE | re.IGNORECASE)
ALWAYS = re.compile(r"[\\`*\[\]<~|$]|&(?=[#\w])|(?<![^\W_])_|_(?![^\W_])|!\Z")
"""Marks that are escaped wherever they stand; `!` before what may become a link."""
LINE_START = re.compile(r"^(\d{1,9}(?=[.)])|(?=[#>+=:/-]))")
REFERENCE = re.compile(r"#(?=\w)|GH-(?=\d)", re.IGNORECASE)
ADDRESS = re.compile(r":(?=//)|www(?=\.)", re.IGNORECASE)
PLAIN_PATH = re.compile(r"[A-Za-z0-9_./-]*(#L\d+(-L\d+)?)?")
SHOWN_LANGUAGES = frozenset({*LANGUAGES.values(), "diff", "console"}) - {"other"}
"""Other names of code blocks are dropped: the host draws mermaid, math and maps from theirs."""

PARSER = MarkdownIt("commonmark", {"html": False})


def sanitize(text: str, allowed: Sequence[str] = ()) -> str:
    """Harmless markdown that says the same; "" where nothing is left to say.

    `allowed` are URL prefixes ending in "/" under which links stay links.
    """
    shown = reveal(_shortened(text.replace("\r\n", "\n").replace("\r", "\n")))
    return "\n".join(_blocks(PARSER.parse(shown), allowed)).strip()


def suggestion_fault(text: str) -> str | None:
    """Why a replacement text must not be offered as it is; None where it may.

    A suggestion is the text of a file, so nothing in it can be escaped: it is whole or not at all.
    """
    if len(text) > LONGEST_MESSAGE or text.count("\n") > MOST_LINES:
        return "too long"
    if reveal(text) != text:
        return "holds invisible characters"
    if COMMAND.search(text) or BOT_NAME.search(text):
        return "reads as a command to a bot"
    return None


def _shortened(text: str) -> str:
    """At most LONGEST_MESSAGE characters and MOST_LINES lines."""
    lines = text.split("\n")
    cut = "\n".join(lines[:MOST_LINES])[:LONGEST_MESSAGE]
    return cut if len(cut) == len(text) else cut.rstrip() + " …"


def _blocks(tokens: Sequence[Token], allowed: Sequence[str]) -> list[str]:
    """Lines of a run of blocks, one blank line between two of them."""
    lines: list[str] = []
    at = 0
    while at < len(tokens):
        token = tokens[at]
        end = _closing(tokens, at)
        inside = tokens[at + 1 : end]
        if token.type in ("fence", "code_block"):
            block = _code_block(token)
        elif token.type == "inline":
            block = _inline(token.children or [], allowed)
        elif token.type in ("bullet_list_open", "ordered_list_open"):
            block = _list(inside, token, allowed)
        else:
            block = _blocks(inside, allowed)
        if block:
            lines += ["", *block] if lines else block
        at = end + 1
    return lines


def _closing(tokens: Sequence[Token], at: int) -> int:
    """Index of the token that closes `tokens[at]`; `at` itself where it holds nothing."""
    depths = accumulate(token.nesting for token in tokens[at:])
    return next(index for index, depth in enumerate(depths, at) if depth == 0)


def _list(tokens: Sequence[Token], opening: Token, allowed: Sequence[str]) -> list[str]:
    """A tight list: each item's blocks indented under its mark."""
    number = int(opening.attrGet("start") or 1) % 10_000  # ten digits would be no mark
    lines: list[str] = []
    at = 0
    while at < len(tokens):
        end = _closing(tokens, at)
        mark = "- " if opening.type == "bullet_list_open" else f"{number}. "
        item = _blocks(tokens[at + 1 : end], allowed)
        lines += [
            ((mark if index == 0 else " " * len(mark)) + line).rstrip()
            for index, line in enumerate(item)
        ]
        number += 1
        at = end + 1
    return lines


def _code_block(token: Token) -> list[str]:
    fence = fence_for(token.content)
    language = token.info.strip().lower()
    body = COMMAND.sub(_with_break, _defused(token.content)).removesuffix("\n")
    return [fence + (language if language in SHOWN_LANGUAGES else ""), *body.split("\n"), fence]


def _inline(children: Sequence[Token], allowed: Sequence[str]) -> list[str]:
    """Lines of a paragraph; neighbouring texts are joined first, or `@**all**` would pass."""
    parts: list[tuple[bool, str]] = []
    target = ""
    for child in children:
        if child.type == "link_open":
            target = _link_target(str(child.attrGet("href") or ""), allowed)
            shown = "[" if target else ""
            parts += [(True, shown)] if shown else []
        elif child.type == "link_close":
            parts += [(True, f"](<{target}>)")] if target else []
            target = ""
        elif child.type == "code_inline":
            parts.append((True, code_span(child.content)))
        elif child.type in ("softbreak", "hardbreak"):
            parts.append((False, "\n"))
        elif child.content:  # text, or what an image says instead of itself
            parts.append((False, child.content))
        elif child.markup.startswith("_"):  # `__init__` is a name more often than a shout
            parts.append((False, child.markup))
    return _joined(parts)


def _joined(parts: Sequence[tuple[bool, str]]) -> list[str]:
    """Escape what is not written yet, then see to the starts of lines."""
    merged: list[tuple[bool, str]] = []
    for written, text in parts:
        before, last = merged[-1] if merged else (True, "")
        if not (written or before):
            merged[-1] = (False, last + text)
        elif written and last.endswith("`") and text.startswith("`"):
            merged.append((True, BREAK + text))  # two code spans would read as one
        else:
            merged.append((written, text))
    line = "".join(text if written else _escaped(text) for written, text in merged)
    lines = (LINE_START.sub(_mark_start, part.strip()) for part in line.split("\n"))
    return [part for part in lines if part]


def _mark_start(match: re.Match[str]) -> str:
    """`1.` would start a list as `1\\.` does not; other marks are escaped before themselves."""
    return f"{match.group()}\\" if match.group() else "\\"


def _escaped(text: str) -> str:
    text = ALWAYS.sub(lambda match: f"\\{match.group()}", text)
    text = text.replace("\\$", f"\\${BREAK}").replace("@", f"@{BREAK}")
    return ADDRESS.sub(_with_break, REFERENCE.sub(_with_break, text))


def _with_break(match: re.Match[str]) -> str:
    return f"{match.group()}{BREAK}"


def code_span(content: str) -> str:
    """A code span of one line: more backticks than inside, blanks where the rules ask."""
    content = _defused(reveal(content.replace("\n", " ")))
    runs = [len(run) for run in re.findall("`+", content)]
    fence = "`" * next(n for n in range(1, len(runs) + 2) if n not in runs)
    blank = " " if content[:1] in ("`", " ") or content[-1:] in ("`", " ") else ""
    if not content.strip():
        return content
    return f"{fence}{blank}{content}{blank}{fence}"


def shown_path(path: str) -> str:
    """A file's name as code; of a long one the end."""
    return code_span(path if len(path) <= LONGEST_PATH else f"…{path[-LONGEST_PATH:]}")


def _defused(code: str) -> str:
    """Code mentions nobody on the host, but bots read the raw text."""
    return BOT_NAME.sub(_with_break, code)


def _link_target(href: str, allowed: Sequence[str]) -> str:
    """The URL if it is plain and under an allowed prefix, else ""."""
    for prefix in allowed:
        rest = href.removeprefix(prefix)
        if rest != href and ".." not in rest and PLAIN_PATH.fullmatch(rest):
            return href
    return ""
