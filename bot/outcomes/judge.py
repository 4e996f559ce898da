"""Reads a closed pull request from its host, judges every remark on it, and keeps what was found.

May be done again at any time. What cannot be read is a HostingError, and nothing is kept then.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from typing import Protocol

from bot.hosts import Pulls
from bot.hosts.closed_pulls import ClosedPulls
from bot.outcomes.book import Book
from bot.outcomes.judging import Scene, Signed, judge_people, judge_posted, judge_shadow
from bot.work.asides import Talk
from mining.acceptance import Evidence
from mining.evidence import gather_evidence
from mining.revisions import Revisions
from mining.trust import Teachers
from postil.errors import HostingError
from postil.marker import read_marker
from postil.records import Change, Outcome, PostedComment, ReviewThread
from postil.settings import MiningSettings

log = logging.getLogger(__name__)

GONE = "the pull request is gone"
OPEN = "the pull request is open again"
NOTHING = "closed: nothing was said on it"


class Access(Protocol):
    """What a host can be asked for; see `bot.hosts.access`."""

    def account(self, repo: str) -> str: ...

    def pulls(self, repo: str) -> Pulls: ...

    def conversation(self, repo: str) -> Talk: ...

    def closed(self, repo: str) -> ClosedPulls: ...


class Judge:
    """Over one store and one host. `key` signs our markers; `then` is called with a repository of
    which there are new outcomes."""

    def __init__(
        self,
        book: Book,
        access: Access,
        key: bytes,
        settings: MiningSettings,
        *,
        then: Callable[[str], None] = lambda _repo: None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._book = book
        self._access = access
        self._key = key
        self._settings = settings
        self._then = then
        self._now = now

    def judge(self, repo: str, number: int) -> str:
        """Judge one pull request; what came of it, in words."""
        change = self._access.closed(repo).read(number)
        if change is None:
            if number not in self._book.closings(repo):  # what was judged before stays
                self._book.put(repo, number, 0.0, [])
            return GONE
        if change.pull.state == "open":
            return OPEN
        found = self._found(repo, change)
        closed_at = change.pull.closed_at or self._now()
        self._book.put(repo, number, closed_at.timestamp(), found)
        if found:
            self._then(repo)
        log.info("judged repo=%s pull=%d remarks=%d", repo, number, len(found))
        return _in_words(found)

    def _found(self, repo: str, change: Change) -> list[Outcome]:
        """The outcomes of a closed pull request; none where nothing of ours is on it."""
        account = self._access.account(repo).removesuffix("[bot]")
        signed = self._signed(change, account)
        posted, unposted = self._book.drafts(repo, change.pull.number)
        if not signed and not posted and not unposted:
            return []
        lost = self._lost(repo, change.pull.number) if signed or posted else []
        heads = {one.thread.revision for one in signed} | {d.head_sha for d in (*posted, *unposted)}
        with self._evidence(repo, change, heads) as evidence:
            scene = Scene(
                change=change,
                account=account,
                evidence=evidence,
                may_write=self._powers(repo, change),
                seen_at=self._now(),
            )
            if signed or posted:  # a draft that another head made pointless was no shadow
                found = judge_posted(scene, signed, lost, posted)
            else:
                found = judge_shadow(scene, unposted)
            return found + judge_people(scene, self._settings) if found else []

    def _signed(self, change: Change, account: str) -> list[Signed]:
        """The threads that we began: by our account, with a marker of our key."""
        ours = (
            (thread, read_marker(thread.body, self._key))
            for thread in change.threads
            if thread.author.lower().removesuffix("[bot]") == account.lower()
        )
        return [Signed(thread=thread, marker=marker) for thread, marker in ours if marker]

    def _lost(self, repo: str, number: int) -> list[PostedComment]:
        """What the summary still knows that we said, and that stands nowhere any more."""
        every = self._access.pulls(repo).our_comments(number)
        live = {one.place for one in every if one.said_in != "summary"}
        known = {one.place: one for one in every if one.said_in == "summary" and one.text}
        return [one for place, one in known.items() if place not in live]

    @contextmanager
    def _evidence(
        self, repo: str, change: Change, heads: set[str]
    ) -> Iterator[Callable[[ReviewThread], Evidence]]:
        """What git says of a thread; of what was not merged nothing is asked."""
        last = change.pull.revisions[-1].sha
        wanted = heads | {thread.revision for thread in change.threads} | {last}
        if change.pull.merged_at is None:
            yield lambda _: Evidence()
            return
        with self._access.closed(repo).commits(sorted(filter(None, wanted))) as repository:
            revisions = Revisions(repository)
            yield lambda thread: gather_evidence(thread, change.pull, revisions)

    def _powers(self, repo: str, change: Change) -> Callable[[str], bool]:
        """Whether somebody has write access: as the host says, else as mining would believe."""
        told = _associations(change)
        rules = Teachers(self._settings.trusted, {})
        talk = self._access.conversation(repo)
        at = change.pull.closed_at or self._now()

        @cache
        def may_write(login: str) -> bool:
            if rules.teaches(login, "", at):
                return True
            try:
                may_push: bool | None = talk.may_order(login)
            except HostingError as error:
                if not error.lasting:
                    raise
                log.info("rights are not told repo=%s login=%s", repo, login)
                may_push = None
            return rules.teaches(login, told.get(login.lower(), ""), at, may_push) is not None

        return may_write


def _associations(change: Change) -> dict[str, str]:
    """How the host calls whoever began a thread or gave a review."""
    threads = {thread.author.lower(): thread.association for thread in change.threads}
    return threads | {one.reviewer.lower(): one.association for one in change.reviews}


def _in_words(found: Sequence[Outcome]) -> str:
    ours = [one for one in found if one.said_by != "person"]
    if not ours:
        return NOTHING
    acted = sum(one.verdict == "acted on" for one in ours)
    unmerged = "; not merged" if any(one.verdict == "not merged" for one in ours) else ""
    shadow = " of what would have been said" if ours[0].said_by == "shadow" else ""
    return f"judged: {acted} of {len(ours)} remarks{shadow} acted on{unmerged}"
