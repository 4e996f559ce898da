"""`postil curate`: look at what is learned from, one remark at a time; keep, drop or edit it."""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mining.commands import store_url
from mining.curation import Decision
from mining.dataset_commands import built_folder, repo_option
from mining.split import SPLITS
from postil.answer import anchor_of, parse_answer
from postil.errors import PayloadError, UsageError
from postil.options import home_option
from postil.records import Pair, ReviewThread, encode_line, read_jsonl
from postil.settings import postil_home

if TYPE_CHECKING:
    from mining.store import Store

KEYS = "[k]eep  [d]rop  [e]dit  [u]ndo  [s]kip  [q]uit"
MARKS = {"+": "green", "-": "red", " ": None}


@click.command()
@repo_option
@click.option("--split", "part", type=click.Choice(SPLITS), default="train", show_default=True)
@click.option("--again", is_flag=True, help="Show what was decided already as well.")
@click.option(
    "--list", "as_lines", is_flag=True, help="Write what is not decided as JSON lines, and end."
)
@click.option(
    "--apply",
    "decided",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help='Take decisions from JSON lines: {"origin", "verdict": keep|drop|edit, "text"}.',
)
@home_option
@click.option("--database-url", metavar="URL", envvar="POSTIL_DATABASE_URL", show_envvar=True)
def curate(
    repo: str | None,
    part: str,
    again: bool,
    as_lines: bool,
    decided: Path | None,
    home: Path | None,
    database_url: str | None,
) -> None:
    """Decide about remarks one by one, by single keys.

    Decisions are kept in the store at once and hold when the repository is mined again; `postil
    dataset build` applies them. Curate the training part: the others are for stopping, calibrating
    and measuring.
    """
    from mining.store import open_store

    folder = built_folder(repo, home)
    pairs = [p for p in read_jsonl(folder / "pairs.jsonl", Pair) if p.kind == "remark"]
    if not pairs:
        raise UsageError(f"{folder}: no remarks in this dataset")
    name = pairs[0].repo
    url = database_url or store_url(home or postil_home(os.environ))
    with open_store(url) as store:
        if decided:
            click.echo(f"{_take_in(store, name, decided, pairs)} decisions taken in")
            return
        known = store.decisions(name)
        waiting = [p for p in pairs if p.split == part and (again or p.origin not in known)]
        if as_lines:
            sys.stdout.buffer.writelines(encode_line(pair) + b"\n" for pair in waiting)
            return
        count = Curator(store, name, waiting, _threads(store, name)).run()
    click.echo(f"{count} decided; `postil dataset build` applies what was decided")


class Curator:
    """Shows remarks one after another and stores what is decided."""

    def __init__(
        self, store: "Store", repo: str, pairs: list[Pair], threads: Mapping[str, ReviewThread]
    ) -> None:
        self._store, self._repo, self._pairs, self._threads = store, repo, pairs, threads
        self._before: list[tuple[int, Decision | None]] = []

    def run(self) -> int:
        """Until the last remark, or q; how many decisions were made and not undone."""
        at = 0
        while 0 <= at < len(self._pairs):
            pair = self._pairs[at]
            click.echo(f"\n{at + 1} of {len(self._pairs)}  {render(pair, self._threads)}\n{KEYS}")
            step = self._decide(at, pair, click.getchar())
            if step is None:
                break
            at = step
        return len(self._before)

    def _decide(self, at: int, pair: Pair, key: str) -> int | None:
        """Do what a key says; the number of the remark to show next, None to end."""
        match key:
            case "k":
                self._save(at, Decision(origin=pair.origin, verdict="keep"))
                return at + 1
            case "d":
                self._save(at, Decision(origin=pair.origin, verdict="drop"))
                return at + 1
            case "e":
                text = click.edit(_message(pair))
                if text and text.strip():
                    self._save(at, Decision(origin=pair.origin, verdict="edit", text=text.strip()))
                    return at + 1
                return at
            case "u":
                return self._undo(at)
            case "s":
                return at + 1
            case "q" | "\x1b":
                return None
        return at

    def _save(self, at: int, decision: Decision) -> None:
        earlier = self._store.decisions(self._repo).get(decision.origin)
        self._before.append((at, earlier))
        self._store.decide(self._repo, decision)

    def _undo(self, at: int) -> int:
        if not self._before:
            return at
        at, earlier = self._before.pop()
        origin = self._pairs[at].origin
        if earlier is None:
            self._store.undecide(self._repo, origin)
        else:
            self._store.decide(self._repo, earlier)
        return at


def render(pair: Pair, threads: Mapping[str, ReviewThread]) -> str:
    """A remark under its lines, and what happened next."""
    remark = parse_answer(pair.response)
    assert remark is not None and pair.window is not None  # noqa: S101 - remarks have both
    rows = range(remark.anchor.start, remark.anchor.end + 1)
    lines = [click.style(f"{pair.window.path}  tier {pair.tier}  {pair.url}", bold=True)]
    for row, line in enumerate(pair.window.lines, 1):
        mark = ">" if row in rows else " "
        lines.append(click.style(f"{mark} {line.kind}{line.text}", fg=MARKS[line.kind]))
    lines += ["", click.style(remark.message, fg="yellow")]
    if remark.suggestion is not None:
        lines += [click.style(f"  {text}", fg="cyan") for text in remark.suggestion.splitlines()]
    thread = _thread_of(pair, threads)
    for reply in thread.replies if thread else ():
        lines.append(f"  {reply.author_kind}: {' '.join(reply.body.split())[:200]}")
    if thread and thread.resolved is not None:
        lines.append("  resolved" if thread.resolved else "  not resolved")
    return "\n".join(lines)


def _thread_of(pair: Pair, threads: Mapping[str, ReviewThread]) -> ReviewThread | None:
    thread = threads.get(pair.url)
    window = pair.window
    return thread if thread and window and anchor_of(window, thread.span) else None


def _threads(store: "Store", repo: str) -> dict[str, ReviewThread]:
    from mining.stored import read_stored

    return {t.url: t for change in read_stored(store, repo).changes for t in change.threads}


def _message(pair: Pair) -> str:
    remark = parse_answer(pair.response)
    return remark.message if remark else ""


def _take_in(store: "Store", repo: str, file: Path, pairs: list[Pair]) -> int:
    """Store every decision of a file; all of it is read before the first is stored."""
    known = {pair.origin for pair in pairs}
    with _naming(file):
        decisions = list(read_jsonl(file, Decision))
    strangers = [d.origin for d in decisions if d.origin not in known]
    if strangers:
        raise UsageError(f"{file}: no remark of the dataset has the origin {strangers[0]}")
    for decision in decisions:
        store.decide(repo, decision)
    return len(decisions)


@contextmanager
def _naming(file: Path) -> Iterator[None]:
    try:
        yield
    except PayloadError as error:
        raise UsageError(f"{file}: {error}") from error
