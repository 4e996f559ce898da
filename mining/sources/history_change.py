"""What a clone tells of one pull request -> a change. Pure.

A reviewer whose name the commits tell is the author of the remark; one they do not tell has the
name `UNNAMED`, which teaches nothing unless the settings trust it.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Literal

import msgspec

from mining.sources.github_objects import decode
from mining.sources.history_words import applies_suggestion, reviewers, words_of
from postil.diff import FileDiff, parse_diff
from postil.errors import PayloadError
from postil.records import Change, DiffLine, PullRequest, Reply, ReviewThread, Revision, Span

FORMAT: Literal["postil-history-1"] = "postil-history-1"
UNNAMED = "unnamed-reviewer"

MOST_BLOCKS = 12
"""Of one commit; one that replaces more is rework, not answers to single remarks."""
LONGEST_BLOCK = 10
"""Lines, before or after."""
WORDED_BLOCKS = 2
"""Most blocks for which the subject of a commit can be what was said of each."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One commit of a pull request."""

    sha: str
    parents: tuple[str, ...]
    author: str
    author_mail: str
    committer: str
    committer_mail: str
    at: int
    message: str


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A commit that answers review, and its diff from the one before."""

    before: str
    sha: str
    patch: str


class HistoryPayload(msgspec.Struct, frozen=True, kw_only=True):
    """One pull request that landed. `base` is the main branch before it."""

    format: Literal["postil-history-1"]
    repo: str
    number: int
    url: str
    title: str
    landed: str
    landed_at: int
    merged_by: str | None
    base: str
    steps: tuple[Step, ...]
    answers: tuple[Answer, ...]


class Block(msgspec.Struct, frozen=True):
    """Lines that a commit replaced, in numbers of the state before it, and by what."""

    span: Span
    text: str


def read(body: bytes, dropped: Counter[str] | None = None) -> Change:
    """Read one payload; commits that change too much are counted in `dropped`."""
    dropped = Counter() if dropped is None else dropped
    payload: HistoryPayload = decode(body, HistoryPayload, "not a pull request of a clone")
    landed_at = _time(payload.landed_at)
    steps = payload.steps
    author = steps[0].author if steps else ""
    pull = PullRequest(
        repo=payload.repo,
        number=payload.number,
        title=payload.title,
        author=author,
        url=payload.url or f"{payload.repo}#{payload.number}",
        created_at=_time(steps[0].at) if steps else landed_at,
        closed_at=landed_at,
        merged_at=landed_at,
        state="merged",
        revisions=tuple(
            Revision(number=n, sha=step.sha, base_sha=payload.base, pushed_at=_time(step.at))
            for n, step in enumerate(steps, 1)
        )
        or (Revision(number=1, sha=payload.landed, base_sha=payload.base),),
    )
    threads = [t for answer in payload.answers for t in _threads(answer, payload, pull, dropped)]
    return Change(
        pull=pull,
        threads=tuple(threads),
        reviews=(),
        merged_by=payload.merged_by,
        complete=False,
    )


def _threads(
    answer: Answer, payload: HistoryPayload, pull: PullRequest, dropped: Counter[str]
) -> Iterator[ReviewThread]:
    step = next((one for one in payload.steps if one.sha == answer.sha), None)
    if step is None:
        return
    blocks = _blocks(answer.patch, dropped)
    applied = applies_suggestion(step.message)
    named = [name for name in reviewers(step.message) if name != pull.author]
    words = words_of(step.message) if len(blocks) <= WORDED_BLOCKS else ""
    for number, block in enumerate(blocks):
        yield ReviewThread(
            id=f"{step.sha[:12]}-{number}",
            repo=payload.repo,
            pull=payload.number,
            revision=answer.before,
            span=block.span,
            author=named[0] if len(named) == 1 else UNNAMED,
            author_kind="person",
            body=words,
            created_at=_time(step.at),
            replies=() if applied else (_done(step),),
            suggestion=block.text,
            url=f"{payload.url}/commits/{step.sha}" if payload.url else step.sha,
        )


def _done(step: Step) -> Reply:
    """What the commit says for its author: that review was answered by it."""
    return Reply(author=step.author, author_kind="self", created_at=_time(step.at), body="Done.")


def _blocks(patch: str, dropped: Counter[str]) -> list[Block]:
    try:
        files = parse_diff(patch)
    except PayloadError:
        dropped["commit whose diff cannot be read"] += 1
        return []
    found = [block for file in files if file.change == "modified" for block in _of_file(file)]
    if len(found) > MOST_BLOCKS:
        dropped["commit that answers too much at once"] += 1
        return []
    return found


def _of_file(file: FileDiff) -> Iterator[Block]:
    """Each run of replaced lines; an insertion stands on the line above it."""
    for hunk in file.hunks:
        above: DiffLine | None = None
        run: list[DiffLine] = []
        for line in (*hunk.lines, DiffLine(kind=" ", text="")):
            if line.kind != " ":
                run.append(line)
                continue
            if run and (block := _block(file.path, above, run)):
                yield block
            above, run = line, []


def _block(path: str, above: DiffLine | None, run: list[DiffLine]) -> Block | None:
    old = [line for line in run if line.kind == "-"]
    new = [line.text for line in run if line.kind == "+"]
    if not old and above is not None:
        old, new = [above], [above.text, *new]
    if not old or max(len(old), len(new)) > LONGEST_BLOCK:
        return None
    if [line.text.split() for line in old] == [text.split() for text in new]:
        return None  # only blanks differ
    first, last = old[0].old, old[-1].old
    if first is None or last is None:
        return None
    span = Span(path=path, side="RIGHT", start=first, end=last)
    return Block(span=span, text="".join(f"{text}\n" for text in new))


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
