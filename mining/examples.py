"""Changes -> examples: accepted remarks, silences and ambiguous windows.

The windows of remarks and of silences are cut by the same function from git, at the revision a
person looked at, so nothing in a window tells where a comment stood. Where the commit is gone,
the stored hunk teaches wording, not where to speak (`located` is False). Tallies say what was
kept and what was dropped, by reason.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import msgspec

from mining.acceptance import Evidence, judge
from mining.curation import origin_of
from mining.evidence import gather_evidence
from mining.filters import drop_reason
from mining.paths import skipped_path
from mining.prose import without_suggestion
from mining.repository import Repository
from mining.revisions import Revisions
from mining.scrub import find_secret, mask_people
from mining.stored_hunk import window_of_hunk
from mining.trust import Teachers, teachers
from postil.answer import DELETE, REPLACE, Remark, anchor_of, clean_message, render_answer
from postil.diff import windows
from postil.marker import SHAPE
from postil.records import Change, Example, ExampleKind, ReviewThread, Revision, Tier, Window
from postil.settings import MiningSettings

MOST_WINDOWS = 400
"""Of one revision; a larger one is an import or a mass rename that nobody read line by line."""

WindowKey = tuple[str, tuple[tuple[str, str], ...]]


class Funnel(msgspec.Struct, kw_only=True):
    """What was kept and what was dropped, by reason."""

    remarks: Counter[str] = msgspec.field(default_factory=Counter)
    windows: Counter[str] = msgspec.field(default_factory=Counter)
    teachers: Counter[str] = msgspec.field(default_factory=Counter)


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """A window as it stood at a revision that a trusted person reviewed."""

    window: Window
    revision: str


class Taught(msgspec.Struct, frozen=True, kw_only=True):
    """A remark that may teach."""

    thread: ReviewThread
    tier: Tier


def build_examples(
    changes: Sequence[Change],
    repository: Repository | None,
    settings: MiningSettings,
    progress: Callable[[], None] = lambda: None,
) -> tuple[list[Example], Funnel]:
    """Label every window of every reviewed revision of the closed changes, oldest first."""
    funnel = Funnel()
    trusted = teachers(changes, settings.trusted)
    revisions = Revisions(repository) if repository else None
    examples: list[Example] = []
    known: set[str] = set()
    for change in sorted(
        changes, key=lambda c: (c.pull.closed_at or c.pull.created_at, c.pull.number)
    ):
        newcomer = change.pull.author not in known
        examples += ChangeReader(change, revisions, settings, trusted, funnel, newcomer).read()
        known.add(change.pull.author)
        progress()
    return examples, funnel


class ChangeReader:
    """Labels the windows of one change."""

    def __init__(
        self,
        change: Change,
        revisions: Revisions | None,
        settings: MiningSettings,
        trusted: Teachers,
        funnel: Funnel,
        newcomer: bool | None,
    ) -> None:
        """`newcomer`: whether no earlier change of its author is known."""
        self._newcomer = newcomer
        self._change, self._pull = change, change.pull
        self._revisions, self._settings = revisions, settings
        self._trusted, self._funnel = trusted, funnel

    def read(self) -> list[Example]:
        """All examples of the change, one a distinct window."""
        if self._pull.closed_at is None:
            self._funnel.remarks["pull request still open"] += len(self._change.threads)
            return []
        taught = [one for thread in self._change.threads if (one := self._teach(thread))]
        taught.sort(key=lambda one: (one.tier, one.thread.created_at, one.thread.id))
        seen = self._reviewed_windows()
        remarks = self._place(taught, seen)
        rest = {key: each for key, each in seen.items() if key not in remarks}
        return [*remarks.values(), *self._label(rest)]

    def _teach(self, thread: ReviewThread) -> Taught | None:
        """The remark with its tier if it may teach; else None, and a tally."""
        reason = drop_reason(thread, self._settings)
        if reason is None:
            rule = self._teaches(thread)
            self._funnel.teachers[rule or "kept out: no rule lets them in"] += 1
            reason = None if rule else "not by a trusted reviewer"
        if reason is None:
            tier = self._tier(thread)
            if tier in self._settings.tiers:
                return Taught(thread=thread, tier=tier)
            reason = f"tier {tier or 'none'}"
        self._funnel.remarks[reason] += 1
        return None

    def _teaches(self, thread: ReviewThread) -> str | None:
        return self._trusted.teaches(
            thread.author, thread.association, thread.created_at, thread.may_push
        )

    def _tier(self, thread: ReviewThread) -> Tier | None:
        evidence = Evidence()
        if self._revisions:
            evidence = gather_evidence(thread, self._pull, self._revisions)
        return judge(thread, self._pull, evidence).tier

    def _reviewed_windows(self) -> dict[WindowKey, Seen]:
        """The distinct windows of every revision a trusted person reviewed, first seen first."""
        seen: dict[WindowKey, Seen] = {}
        for revision in self._reviewed_revisions():
            for count, window in enumerate(self._windows_of(revision)):
                if count >= MOST_WINDOWS:
                    self._funnel.windows["left out: very large revision"] += 1
                    break
                seen.setdefault(window_key(window), Seen(window=window, revision=revision.sha))
        return seen

    def _reviewed_revisions(self) -> list[Revision]:
        looked = {
            review.revision
            for review in self._change.reviews
            if self._trusted.teaches(
                review.reviewer, review.association, review.at, review.may_push
            )
            and review.reviewer != self._pull.author
        }
        looked |= {
            thread.revision
            for thread in self._change.threads
            if thread.author_kind == "person" and self._teaches(thread)
        }
        found = [revision for revision in self._pull.revisions if revision.sha in looked]
        self._funnel.windows["reviewed revision not listed"] += len(looked) - len(found)
        return found

    def _windows_of(self, revision: Revision) -> Iterator[Window]:
        files = self._revisions.change_of(revision) if self._revisions else None
        if files is None:
            self._funnel.windows["reviewed revision gone from git"] += 1
            return
        for file in files:
            reason = skipped_path(file.path, self._settings.ignore)
            if reason:
                self._funnel.windows[f"left out: {reason}"] += 1
                continue
            for hunk in file.hunks:
                yield from windows(hunk, self._settings.window_lines)

    def _place(
        self, taught: Sequence[Taught], seen: dict[WindowKey, Seen]
    ) -> dict[WindowKey, Example]:
        """One remark a window: the best accepted one; the others are counted."""
        placed: dict[WindowKey, Example] = {}
        for one in taught:
            spot, located = self._find(one.thread, seen)
            if spot is None:
                self._funnel.remarks["on lines outside the diff"] += 1
                continue
            key = window_key(spot.window)
            if key in placed:
                self._funnel.remarks["second remark on its window"] += 1
                continue
            example = self._remark_example(one, spot, located)
            if example:
                placed[key] = example
                self._funnel.remarks[
                    f"kept: tier {one.tier}" + ("" if located else ", wording only")
                ] += 1
        return placed

    def _find(self, thread: ReviewThread, seen: dict[WindowKey, Seen]) -> tuple[Seen | None, bool]:
        """The window under a remark, from git; from the stored hunk where the commit is gone."""
        if self._revisions and self._revisions.has(thread.revision):
            revision = next((r for r in self._pull.revisions if r.sha == thread.revision), None)
            base = self._pull.revisions[-1].base_sha
            revision = revision or Revision(number=0, sha=thread.revision, base_sha=base)
            for window in self._windows_of(revision):
                if anchor_of(window, thread.span):
                    return Seen(window=window, revision=thread.revision), True
            return None, True
        found = window_of_hunk(thread, self._settings.window_lines)
        return (Seen(window=found, revision=thread.revision) if found else None), False

    def _remark_example(self, one: Taught, spot: Seen, located: bool) -> Example | None:
        anchor = anchor_of(spot.window, one.thread.span)
        suggestion = one.thread.suggestion if anchor and anchor.side == "R" else None
        message = mask_people(clean_message(without_suggestion(one.thread.body)))
        if not message and suggestion is not None:
            message = DELETE if suggestion == "" else REPLACE
        assert anchor is not None  # noqa: S101 - the window was found by this very span
        if not message:
            self._funnel.remarks["no words of its own"] += 1
            return None
        remark = Remark(anchor=anchor, message=message, suggestion=suggestion)
        if self._secret(spot.window, f"{message}\n{suggestion or ''}"):
            self._funnel.remarks["holds a secret"] += 1
            return None
        return self._example(
            "remark",
            spot,
            response=render_answer(remark),
            author=one.thread.author,
            tier=one.tier,
            url=one.thread.url,
            located=located,
        )

    def _label(self, seen: dict[WindowKey, Seen]) -> Iterator[Example]:
        """Silences, and windows on or near which a person said anything at all, or we did: where
        we had spoken nobody else had to."""
        people = [t for t in self._change.threads if t.author_kind == "person" or _is_ours(t)]
        told = {(t.span.path, text) for t in people for text in self._said_about(t)}
        for spot in seen.values():
            texts = {line.text.strip() for line in spot.window.lines if line.kind != " "}
            here = any(t.revision == spot.revision and spot.window.rows(t.span) for t in people)
            kept = any((spot.window.path, text) in told for text in texts)
            unsure = here or kept or not self._change.complete
            kind: ExampleKind = "ambiguous" if unsure else "silence"
            if self._secret(spot.window, ""):
                self._funnel.windows["holds a secret"] += 1
                continue
            self._funnel.windows[kind] += 1
            yield self._example(kind, spot, response=render_answer(None))

    def _said_about(self, thread: ReviewThread) -> Iterator[str]:
        """The text of the lines a person remarked on, as far as it tells them apart."""
        lines: tuple[str, ...] = ()
        if self._revisions and thread.span.side == "RIGHT":
            whole = self._revisions.lines(thread.revision, thread.span.path)
            lines = whole[thread.span.start - 1 : thread.span.end] if whole else ()
        lines = lines or (thread.hunk.rsplit("\n", 1)[-1][1:],)
        yield from (text for line in lines if len(text := line.strip()) > 3)

    def _secret(self, window: Window, message: str) -> bool:
        return find_secret("\n".join((*(line.text for line in window.lines), message))) is not None

    def _example(
        self,
        kind: ExampleKind,
        spot: Seen,
        *,
        response: str,
        author: str = "",
        tier: Tier | None = None,
        url: str = "",
        located: bool = True,
    ) -> Example:
        pull = self._pull
        assert pull.closed_at is not None  # noqa: S101 - open pull requests are left out above
        name = msgspec.json.encode((pull.repo, pull.number, spot.revision, window_key(spot.window)))
        identity = hashlib.sha256(name).hexdigest()[:20]
        return Example(
            id=identity,
            kind=kind,
            window=spot.window,
            response=response,
            repo=pull.repo,
            pull=pull.number,
            title=pull.title,
            revision=spot.revision,
            decided_at=pull.closed_at,
            author=author,
            tier=tier,
            url=url or pull.url,
            located=located,
            newcomer=self._newcomer,
            origin=origin_of(pull.repo, pull.number, url, response, identity),
        )


def _is_ours(thread: ReviewThread) -> bool:
    """Whether it bears our marker, of whichever key."""
    return SHAPE.search(thread.body) is not None


def window_key(window: Window) -> WindowKey:
    """A window by its text: line numbers move between revisions, the question stays."""
    return window.path, tuple((line.kind, line.text) for line in window.lines)
