"""Play the planned pull requests out as commits: branches, second versions, merges.

Plans in, a commit stream and a record of each pull request out. Pull requests overlap in time;
a branch starts from main as it was that day, and a merge takes both sides.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random

import msgspec
from msgspec import Struct

from bot.demo.codebase import (
    Codebase,
    Foundation,
    Module,
    found_modules,
    insert_blocks,
    rename_module,
)
from bot.demo.gitstream import MAIN, CommitStream, Mark
from bot.demo.pieces import Piece
from bot.demo.placing import Placement, place_pieces
from bot.demo.plan import FIRST_DAY, Fate, Plan
from bot.demo.talk import ORGANISATION, Person, Talk
from bot.demo.titles import name_branch, title_pull

RENAMES = (("harbor/crew.py", "harbor/rosters.py"), ("harbor/coldstore.py", "harbor/reefers.py"))
DELETED = "harbor/telegrams.py"
SECOND_MESSAGES = (
    "Address review remarks",
    "Changes after review",
    "Take up the remarks",
    "Mend what the review found",
    "Second round",
)


class Commit(Struct, frozen=True, kw_only=True):
    """One commit of a branch, as the pull request lists it."""

    mark: Mark
    parent: Mark
    message: str
    author: Person
    at: datetime


class PullHistory(Struct, frozen=True, kw_only=True):
    """What became of one plan. `first` and `head` are the code as first shown and at the end."""

    plan: Plan
    title: str
    branch: str
    base: Mark
    commits: tuple[Commit, ...]
    first_mark: Mark
    merge: Mark | None
    first: Codebase
    head: Codebase
    placements: tuple[Placement, ...]

    @property
    def head_mark(self) -> Mark:
        """The last commit of the branch."""
        return self.commits[-1].mark

    def fate(self, placement: Placement) -> Fate:
        """What became of a piece."""
        return next(fate for piece, fate in self.plan.pieces if piece.id == placement.piece.id)

    def is_repaired(self, placement: Placement) -> bool:
        """Whether the last version of the branch mends a piece."""
        return self.plan.is_repaired(self.fate(placement))


class History(Struct, frozen=True):
    """All pull requests, and main after the last merge."""

    pulls: tuple[PullHistory, ...]
    main: Codebase
    main_mark: Mark


class _Branch(Struct):
    """A pull request while it is open."""

    pull: PullHistory
    renamed: tuple[str, str] | None


def play_history(
    stream: CommitStream, foundation: Foundation, plans: Sequence[Plan], talk: Talk, rng: Random
) -> History:
    """Write every commit into the stream, in the order of events."""
    modules = found_modules(foundation, rng)
    main_mark = _write_first_commits(stream, foundation, modules, talk)
    main: Codebase = modules
    renames = list(RENAMES)
    events = sorted(
        [(plan.opened_at, 0, plan) for plan in plans]
        + [(plan.closed_at, 1, plan) for plan in plans],
        key=lambda event: (event[0], event[1], event[2].number),
    )
    branches: dict[int, _Branch] = {}
    finished: dict[int, PullHistory] = {}
    for _, is_closing, plan in events:
        if not is_closing:
            renamed = renames.pop(0) if plan.kind == "rename" else None
            branches[plan.number] = _open_branch(stream, main, main_mark, plan, renamed, rng)
            continue
        branch = branches.pop(plan.number)
        finished[plan.number] = branch.pull
        if plan.is_merged:
            after = _apply(main, plan, branch.pull.placements, branch.renamed, is_last=True)
            main_mark = _merge(stream, main, after, main_mark, branch.pull)
            main = after
            finished[plan.number] = msgspec.structs.replace(branch.pull, merge=main_mark)
    return History(tuple(finished[plan.number] for plan in plans), main, main_mark)


def changed_files(before: Codebase, after: Codebase) -> dict[str, str | None]:
    """Path to new text of what differs; None for a path that is gone."""
    old = {module.path: module for module in before.values()}
    new = {module.path: module for module in after.values()}
    files: dict[str, str | None] = {path: None for path in old if path not in new}
    files |= {path: module.text() for path, module in new.items() if old.get(path) != module}
    return files


def _apply(
    code: Codebase,
    plan: Plan,
    placements: Sequence[Placement],
    renamed: tuple[str, str] | None,
    *,
    is_last: bool,
) -> Codebase:
    fates = {piece.id: fate for piece, fate in plan.pieces}
    after: Codebase = insert_blocks(
        code,
        [
            placement.block(repaired=is_last and plan.is_repaired(fates[placement.piece.id]))
            for placement in placements
        ],
    )
    if renamed is not None:
        after = rename_module(after, *renamed)
    if plan.kind == "delete":
        after = {key: module for key, module in after.items() if key != DELETED}
    return after


def _open_branch(
    stream: CommitStream,
    main: Codebase,
    main_mark: Mark,
    plan: Plan,
    renamed: tuple[str, str] | None,
    rng: Random,
) -> _Branch:
    pieces = [piece for piece, _ in plan.pieces]
    placements = place_pieces(
        main,
        pieces,
        rng,
        files=2 if len(pieces) <= 4 else 3,
        include=renamed[0] if renamed else None,
    )
    first = _apply(main, plan, placements, renamed, is_last=False)
    head = _apply(main, plan, placements, renamed, is_last=True)
    title = _title(plan, pieces, renamed)
    commits = _commit_versions(stream, plan, title, (main, first, head), main_mark, rng)
    pull = PullHistory(
        plan=plan,
        title=title,
        branch=name_branch(plan.author, pieces),
        base=main_mark,
        # what an amended commit replaced is in no list of the branch's commits
        commits=commits[-1:] if plan.kind == "rewritten" else commits,
        first_mark=commits[0].mark,
        merge=None,
        first=first,
        head=head,
        placements=tuple(placements),
    )
    return _Branch(pull, renamed)


def _title(plan: Plan, pieces: Sequence[Piece], renamed: tuple[str, str] | None) -> str:
    if renamed:
        return f"Call {renamed[0]} what it is: {renamed[1]}"
    return "Retire the telegrams" if plan.kind == "delete" else title_pull(pieces)


def _commit_versions(
    stream: CommitStream,
    plan: Plan,
    title: str,
    versions: tuple[Codebase, Codebase, Codebase],
    main_mark: Mark,
    rng: Random,
) -> tuple[Commit, ...]:
    """Commit the first version and, where there is one, the revised one; `versions` begin at main.

    A rewritten branch amends its only commit; the first version is then kept under a ref of ours,
    as hosts keep what was force-pushed away.
    """
    main, first, head = versions
    ref = f"refs/pull/{plan.number}/head"
    shown_at = plan.opened_at - timedelta(minutes=4)
    if plan.kind == "rewritten":
        kept = f"refs/keep/{plan.number}/1"
        return (
            _commit(stream, kept, title, (main, first), main_mark, plan.author, shown_at),
            _commit(stream, ref, title, (main, head), main_mark, plan.author, plan.revised_at),
        )
    begun = _commit(stream, ref, title, (main, first), main_mark, plan.author, shown_at)
    if not (plan.is_revised and head != first):
        return (begun,)
    message = rng.choice(SECOND_MESSAGES)
    mended = (first, head)
    return (
        begun,
        _commit(stream, ref, message, mended, begun.mark, plan.author, plan.revised_at),
    )


def _commit(
    stream: CommitStream,
    ref: str,
    message: str,
    change: tuple[Codebase, Codebase],
    parent: Mark,
    author: Person,
    at: datetime,
) -> Commit:
    files = changed_files(*change)
    mark = stream.commit(ref, message, files, parents=[parent], author=author, authored_at=at)
    return Commit(mark=mark, parent=parent, message=message, author=author, at=at)


def _merge(
    stream: CommitStream, main: Codebase, after: Codebase, main_mark: Mark, pull: PullHistory
) -> Mark:
    plan = pull.plan
    message = f"Merge pull request #{plan.number} from {ORGANISATION}/{pull.branch}\n\n{pull.title}"
    return stream.commit(
        MAIN,
        message,
        changed_files(main, after),
        parents=[main_mark, pull.head_mark],
        author=plan.reviewer,
        authored_at=plan.closed_at,
    )


def _write_first_commits(
    stream: CommitStream, foundation: Foundation, modules: dict[str, Module], talk: Talk
) -> Mark:
    """The time before pull requests: a readme, then one module after the other."""
    people = (*talk.reviewers, *talk.authors)
    at = FIRST_DAY - timedelta(days=2 * len(modules) + 2)
    mark = stream.commit(
        MAIN,
        "Start harbor",
        {"README.md": foundation.readme.lstrip("\n"), "harbor/__init__.py": ""},
        parents=[],
        author=people[0],
        authored_at=at,
    )
    for nth, module in enumerate(modules.values()):
        at += timedelta(days=1, hours=9, minutes=7 * nth % 60)
        stem = module.path.removeprefix("harbor/").removesuffix(".py")
        mark = stream.commit(
            MAIN,
            f"Add {stem}",
            {module.path: module.text()},
            parents=[mark],
            author=people[nth % len(people)],
            authored_at=at,
        )
    return mark
