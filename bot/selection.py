"""What of a change is read, and in what order: every file is read, read in part, or named. Pure.

Where a change has more windows than may be read, every file has its turn: the best window of each,
the best file first, then the second of each, until the budget is spent.
"""

from collections.abc import Sequence

from mining.paths import fits_glob, skipped_path
from postil.diff import FileDiff, language_of, windows
from postil.records import Record, Window
from postil.settings import ReviewSettings

CODE, ASIDE = 1.0, 0.25
"""Prose, data and tests draw fewer remarks by their size than code does."""
PROSE_AND_DATA = frozenset({"markdown", "text", "json", "toml", "yaml"})
TESTS = ("test", "tests", "testing", "__tests__", "spec")
REMOVED = 0.25
"""A removed line counts as so much of an added one."""


class Selection(Record, frozen=True, kw_only=True):
    """Windows in the order of the diff, and what is not among them, with the reason, by path.

    A file that is read in part stands in both `reviewed` and `skipped`.
    """

    windows: tuple[Window, ...]
    reviewed: tuple[str, ...]
    skipped: dict[str, str]


def select(files: Sequence[FileDiff], window_lines: int, settings: ReviewSettings) -> Selection:
    """Choose at most `settings.most_windows` windows of a change."""
    skipped: dict[str, str] = {}
    cut: dict[str, list[Window]] = {}
    for file in files:
        if reason := unreadable(file, settings):
            skipped.setdefault(file.path, reason)
        else:
            own = [w for hunk in file.hunks for w in windows(hunk, window_lines)]
            cut.setdefault(file.path, []).extend(own)
    chosen = _within(cut, settings.most_windows)
    for path, own in cut.items():
        read = len(chosen[path])
        if read < len(own):
            budget = f"over the budget of {settings.most_windows} windows a change"
            skipped[path] = f"{len(own) - read} of {len(own)} windows {budget}"
    reviewed = tuple(path for path, own in cut.items() if chosen[path] or not own)
    read_all = tuple(cut[path][at] for path in cut for at in sorted(chosen[path]))
    return Selection(windows=read_all, reviewed=reviewed, skipped=skipped)


def unreadable(file: FileDiff, settings: ReviewSettings) -> str | None:
    """Why a file has nothing that can be read; None if it has."""
    if file.binary:
        return "binary"
    reason = skipped_path(file.path, settings.ignore) or _unwanted(file, settings)
    if reason or file.hunks:
        return reason
    if file.change == "renamed":
        return "renamed without a change"
    return "empty file" if file.change in ("added", "deleted") else "only its mode changed"


def worth(window: Window) -> float:
    """How likely a window is worth reading, for ordering: its changed letters, most of all added
    ones of code. Size alone tells as much as the cheap features do (docs/log.md, 2026-11-24)."""
    letters = sum(
        len(line.text.strip()) * (1 if line.kind == "+" else REMOVED)
        for line in window.lines
        if line.kind != " "
    )
    return letters * (ASIDE if _aside(window) else CODE)


def _unwanted(file: FileDiff, settings: ReviewSettings) -> str | None:
    if settings.only and not any(fits_glob(file.path, glob) for glob in settings.only):
        return "not among the paths that settings name"
    language = language_of(file.path)
    if settings.languages and language not in settings.languages:
        return f"its language ({language}) is not among those that settings name"
    return None


def _within(cut: dict[str, list[Window]], most: int) -> dict[str, set[int]]:
    """The indexes of the windows of each file that fit into the budget."""
    if sum(map(len, cut.values())) <= most:
        return {path: set(range(len(own))) for path, own in cut.items()}
    turns: list[tuple[int, float, str, int]] = []
    for path, own in cut.items():
        order = sorted(range(len(own)), key=lambda at: -worth(own[at]))
        turns += [(turn, -worth(own[at]), path, at) for turn, at in enumerate(order)]
    chosen: dict[str, set[int]] = {path: set() for path in cut}
    for _, _, path, at in sorted(turns)[:most]:
        chosen[path].add(at)
    return chosen


def _aside(window: Window) -> bool:
    folders = window.path.lower().split("/")
    stem = folders.pop().split(".")[0]
    return (
        window.language in PROSE_AND_DATA
        or any(folder in TESTS for folder in folders)
        or stem.startswith("test_")
        or stem.endswith(("_test", "-test", "_spec"))
    )
