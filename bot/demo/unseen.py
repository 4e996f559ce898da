"""The pull requests that nobody has reviewed yet, and the truth about them.

Each stands on the last main. `N.diff` is what a reviewer would see; `truth.json` says which lines
break a rule and which stretches are clean.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Literal

import msgspec
from msgspec import Struct

from bot.demo.codebase import Codebase, insert_blocks
from bot.demo.gitstream import CommitStream, Mark, run_git
from bot.demo.history import changed_files
from bot.demo.pieces import Piece
from bot.demo.placing import Placement, place_pieces
from bot.demo.plan import LAST_DAY, group_by_rule, shift_to_work, spread
from bot.demo.talk import REPOSITORY, Talk
from bot.demo.titles import title_pull

PULLS = 16
FILES = 4  # in one of them


class Violation(Struct, frozen=True, kw_only=True):
    """A planted fault: its line in the new file, and the piece it stands in."""

    path: str
    line: int
    rule: str
    start: int
    end: int


class CleanStretch(Struct, frozen=True, kw_only=True):
    """A piece without fault: first and last line in the new file."""

    path: str
    start: int
    end: int


class UnseenPull(Struct, frozen=True, kw_only=True):
    """One pull request and all that is right and wrong in it."""

    number: int
    title: str
    diff: str
    base: str
    head: str
    violations: tuple[Violation, ...]
    clean: tuple[CleanStretch, ...]


class Truth(Struct, frozen=True, kw_only=True):
    """truth.json."""

    schema: Literal[1] = 1
    repository: str
    pulls: tuple[UnseenPull, ...]


class UnseenDraft(Struct, frozen=True, kw_only=True):
    """One of them, written into the stream but not yet imported."""

    number: int
    title: str
    mark: Mark
    code: Codebase
    placements: tuple[Placement, ...]


def write_unseen(
    stream: CommitStream,
    main: Codebase,
    main_mark: Mark,
    pieces: Sequence[Piece],
    talk: Talk,
    first_number: int,
    rng: Random,
) -> list[UnseenDraft]:
    """Commit them on top of main, one branch each."""
    row = spread(group_by_rule(pieces), rng)
    drafts: list[UnseenDraft] = []
    for nth in range(PULLS):
        mine = row[nth * len(row) // PULLS : (nth + 1) * len(row) // PULLS]
        number = first_number + nth
        placements = place_pieces(main, mine, rng, files=FILES)
        code = insert_blocks(
            main,
            [
                placement.block(repaired=not is_violation(placement.piece))
                for placement in placements
            ],
        )
        author = talk.authors[nth % len(talk.authors)]
        at = shift_to_work(LAST_DAY + timedelta(days=16 + 2 * nth, hours=nth % 7))
        mark = stream.commit(
            f"refs/pull/{number}/head",
            title_pull(mine),
            changed_files(main, code),
            parents=[main_mark],
            author=author,
            authored_at=at,
        )
        drafts.append(
            UnseenDraft(
                number=number,
                title=title_pull(mine),
                mark=mark,
                code=code,
                placements=tuple(placements),
            )
        )
    return drafts


def save_unseen(
    folder: Path,
    repository: Path,
    drafts: Sequence[UnseenDraft],
    shas: Mapping[Mark, str],
    main_mark: Mark,
) -> Truth:
    """Write the diffs and truth.json."""
    folder.mkdir(parents=True)
    base = shas[main_mark]
    pulls: list[UnseenPull] = []
    for draft in drafts:
        head = shas[draft.mark]
        diff = run_git(repository, "diff", "--no-color", "-U3", base, head)
        (folder / f"{draft.number}.diff").write_text(diff, encoding="utf-8")
        violations, clean = _tell_truth(draft)
        pulls.append(
            UnseenPull(
                number=draft.number,
                title=draft.title,
                diff=f"{draft.number}.diff",
                base=base,
                head=head,
                violations=violations,
                clean=clean,
            )
        )
    truth = Truth(repository=REPOSITORY, pulls=tuple(pulls))
    text = msgspec.json.format(msgspec.json.encode(truth), indent=2)
    (folder / "truth.json").write_bytes(text + b"\n")
    return truth


def is_violation(piece: Piece) -> bool:
    """Whether an unseen piece is shown with its fault."""
    return piece.form == "broken"


def _tell_truth(draft: UnseenDraft) -> tuple[tuple[Violation, ...], tuple[CleanStretch, ...]]:
    violations: list[Violation] = []
    clean: list[CleanStretch] = []
    for placement in draft.placements:
        piece, module = placement.piece, draft.code[placement.module]
        start = module.first_line(placement.block_id)
        if is_violation(piece):
            end = start + len(piece.broken()) - 1
            violations.append(
                Violation(
                    path=module.path,
                    line=start + piece.fault - 1,
                    rule=str(piece.rule),
                    start=start,
                    end=end,
                )
            )
        else:
            end = start + len(piece.repaired()) - 1
            clean.append(CleanStretch(path=module.path, start=start, end=end))
    return (
        tuple(sorted(violations, key=lambda one: (one.path, one.line))),
        tuple(sorted(clean, key=lambda one: (one.path, one.start))),
    )
