"""Do remarks always stand on lines of the change, and do applied suggestions leave what is meant?

    python -m benchmarks.anchors CLONE [CLONE] --changes 500

Commits of real repositories are reviewed by a model that speaks everywhere, at random lines of
both sides and with suggestions of all kinds. Every place is held against the files as git has
them, not against our own reading of the diff, and every suggestion that is offered is applied.
Exits 1 if anything is wrong. tests/bot/test_many_changes.py does the same on generated changes.
"""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import click
import msgspec

from bot.review import ModelInfo, Recalled, Reviewed, review
from bot.saying.comment import usable_suggestion
from bot.saying.placement import PlacedFinding, place_all
from bot.saying.suggestion import apply_suggestion
from mining.repository import open_repository
from postil.answer import Anchor
from postil.diff import FileDiff, parse_diff
from postil.errors import PayloadError
from postil.prompt import TEMPLATE
from postil.records import Window
from postil.settings import ReviewSettings

Lines = tuple[str, ...]
ReadFile = Callable[[str], Lines | None]
"""The lines of a file on one side of a change, by path; None where there is no such file."""

SETTINGS = ReviewSettings(max_comments=40, most_windows=100)


class WildModel:
    """Speaks about every window, at a random place, and often suggests something."""

    def __init__(self, seed: int) -> None:
        self._draw = random.Random(seed)
        self._rows: dict[str, list[str]] = {}
        self.info = ModelInfo(
            adapter="wild", base="none", template=TEMPLATE, window_lines=24, threshold=0.0
        )

    def load(self) -> None:
        """Nothing to load."""

    def score(self, instructions: Sequence[str]) -> list[float]:
        """Any number."""
        return [self._draw.gauss(0, 3) for _ in instructions]

    def gate(
        self, windows: Sequence[Window], scores: Sequence[float], newcomer: bool | None = None
    ) -> list[float]:
        """Any probability."""
        return [self._draw.random() for _ in windows]

    def anchor_scores(self, window: Window, allowed: Sequence[Anchor]) -> list[float]:
        """Any order."""
        return [self._draw.random() for _ in allowed]

    def write(
        self, instructions: Sequence[str], places: Sequence[Anchor], max_tokens: int
    ) -> list[str]:
        """A remark, often with the row it stands on in some altered form as a suggestion."""
        return [
            self._said(text.split("\n"), place)
            for text, place in zip(instructions, places, strict=True)
        ]

    def recall(self, windows: Sequence[Window], places: Sequence[Anchor]) -> list[list[Recalled]]:
        """Nothing is remembered."""
        return [[] for _ in windows]

    def _said(self, question: list[str], place: Anchor) -> str:
        rows = question[2:][place.start - 1 : place.end]
        code = [row[1:].rpartition(" ")[0] for row in rows]
        changed = self._draw.choice(
            (
                [f"{line}  # checked" for line in code],
                [line.lstrip() + "x" for line in code],
                [*code, *code],
                [f"    {line}" for line in code],
                code[:1],
                [],
                [f"{line}(" for line in code],
                ["é = '→'"],
            )
        )
        body = "".join(f"{line}\n" for line in changed)
        return f"Please change this.\n```suggestion\n{body}```"


class Tally(msgspec.Struct):
    """What was seen; `faults` are sentences."""

    files: int = 0
    findings: int = 0
    kinds: Counter[str] = msgspec.field(default_factory=Counter)
    suggestions: int = 0
    faults: list[str] = msgspec.field(default_factory=list)


def check_change(diff: str, before: ReadFile, after: ReadFile, seed: int, tally: Tally) -> None:
    """Review one change and note what is wrong with any place or suggestion."""
    files = parse_diff(diff)
    reviewed: Reviewed = review(files, WildModel(seed), SETTINGS)
    named = {*reviewed.reviewed, *reviewed.skipped}
    missing = {file.path for file in files} - named
    tally.faults += [f"{path}: neither read nor named" for path in sorted(missing)]
    tally.files += len(files)
    changes = {file.path: file for file in files}
    for placed in place_all(reviewed.findings, files):
        tally.findings += 1
        place, file = placed.place, changes[placed.finding.span.path]
        side = before(file.old_path) if place.side == "LEFT" else after(file.path)
        tally.kinds[f"{place.side} {file.change}"] += 1
        tally.faults += _faults(placed, file, side or (), tally)


def _faults(placed: PlacedFinding, file: FileDiff, side: Lines, tally: Tally) -> list[str]:
    place = placed.place
    where = f"{place.path}:{place.side}:{place.line}"
    if place.kind != "line":
        return [f"{where}: {place.kind}: {place.reason}"]
    start = place.start_line or place.line
    if side[start - 1 : place.line] != place.text:
        return [f"{where}: the file has other text there"]
    shown = {
        line.new if place.side == "RIGHT" else line.old for h in file.hunks for line in h.lines
    }
    if not set(range(start, place.line + 1)) <= shown:
        return [f"{where}: outside of the diff"]
    text = usable_suggestion(placed.finding, place)
    if text is None:
        return []
    tally.suggestions += 1
    left = tuple(apply_suggestion(side, start, place.line, text))
    wanted = (*side[: start - 1], *text.splitlines(), *side[place.line :])
    if left != wanted or left == side:
        return [f"{where}: applying it leaves another file than was meant"]
    mixed = {line.endswith("\r") for line in left} - {line.endswith("\r") for line in side}
    return [f"{where}: mixes line ends"] if mixed else []


@click.command()
@click.argument("clones", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--changes", default=500, show_default=True, help="Commits, over all clones.")
@click.option("--seed", default=7, show_default=True)
def anchors(clones: tuple[Path, ...], changes: int, seed: int) -> None:
    """Print what was seen, and every fault."""
    tally = Tally()
    read = 0
    for number, clone in enumerate(clones):
        with open_repository(clone) as repository:
            wanted = (changes - read) // (len(clones) - number)
            rows = [row.sha for row in repository.commits()]
            for sha in random.Random(seed).sample(rows, min(len(rows), wanted * 3)):
                parents = repository.parents(sha)
                if not parents or len(parents) > 1:
                    continue
                base = parents[0]
                try:
                    check_change(
                        repository.diff(base, sha),
                        lambda path, at=base: repository.lines(at, path),  # type: ignore[misc]
                        lambda path, at=sha: repository.lines(at, path),  # type: ignore[misc]
                        read,
                        tally,
                    )
                except PayloadError as error:
                    tally.faults.append(f"{sha}: {error}")
                read += 1
                wanted -= 1
                if wanted <= 0:
                    break
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(tally.kinds.items()))
    click.echo(f"{read} changes, {tally.files} files, {tally.findings} remarks ({kinds}),")
    click.echo(f"{tally.suggestions} suggestions applied, {len(tally.faults)} faults")
    for fault in tally.faults[:50]:
        click.echo(fault)
    if tally.faults:
        raise click.exceptions.Exit(1)


if __name__ == "__main__":
    anchors()
