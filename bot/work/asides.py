"""What a job does beside the review itself: orders from comments, pauses, the check run.

In shadow mode nothing of it is written on the host; orders are obeyed in silence.
"""

import logging
from collections.abc import Callable
from typing import Protocol

from bot.door.delivery import Job
from bot.door.inbox import Inbox
from bot.hosts import PullHead
from bot.saying.check_text import CheckText, check_of_draft, check_without_review
from bot.saying.explanation import explain
from bot.work.orders import help_text
from bot.work.pauses import Pauses
from postil.errors import HostingError
from postil.records import Draft

REVIEWED = "This head was reviewed before; `/postil explain` says why as it was."

log = logging.getLogger(__name__)


class Talk(Protocol):
    """The comments of a repository; see `bot.hosts.conversation`."""

    def may_order(self, login: str) -> bool: ...

    def answer(self, number: int, comment: int, text: str) -> bool: ...


class CheckRuns(Protocol):
    """The check runs of a repository; see `bot.hosts.checks`."""

    def begin(self, head_sha: str) -> None: ...

    def end(self, head_sha: str, text: CheckText) -> None: ...


class Access(Protocol):
    """How to reach them; None where there are no check runs."""

    def conversation(self, repo: str) -> Talk: ...

    def checks(self, repo: str) -> CheckRuns | None: ...


class Asides:
    """Over one inbox and one host."""

    def __init__(self, inbox: Inbox, access: Access, *, speaks: bool) -> None:
        self._inbox = inbox
        self._access = access
        self._pauses = Pauses(inbox.database)
        self._speaks = speaks

    def before(self, job: Job, head: PullHead) -> str:
        """Why no review follows: an order that was carried out, or a pause; "" if one does."""
        if not job.is_order:
            by = self._pauses.by(job.repo, job.pull)
            return f"paused by {by}" if by else ""
        talk = self._access.conversation(job.repo)
        if not talk.may_order(job.actor):
            return f"{job.actor} has no write access"
        text = self._carry_out(job, head)
        if text and self._speaks:
            talk.answer(job.pull, job.comment, text)
        return f"did what {job.actor} asked" if text else ""

    def begun(self, repo: str, head_sha: str) -> None:
        """A review of this head is under way."""
        self._check(repo, lambda checks: checks.begin(head_sha))

    def ended(self, job: Job, head_sha: str) -> None:
        """The job came to its end."""
        draft = self._inbox.draft(job.repo, job.pull, head_sha)
        text = _check_text(job, draft)
        self._check(job.repo, lambda checks: checks.end(head_sha, text))

    def _carry_out(self, job: Job, head: PullHead) -> str:
        """The answer; "" where a review will be it."""
        if job.action in ("/review", "/resume"):
            self._pauses.resume(job.repo, job.pull)
            reviewed = self._inbox.was_posted(job.repo, job.pull, head.head_sha)
            return REVIEWED if reviewed else ""
        if job.action == "/pause":
            self._pauses.pause(job.repo, job.pull, job.actor)
            return "Paused: this pull request is left alone until `/postil resume`."
        if job.action == "/explain":
            return explain(self._inbox.draft(job.repo, job.pull, head.head_sha))
        return help_text()

    def _check(self, repo: str, tell: Callable[[CheckRuns], None]) -> None:
        """A check run is a courtesy: that it cannot be written stops no review."""
        try:
            checks = self._access.checks(repo) if self._speaks else None
            if checks is not None:
                tell(checks)
        except HostingError as error:
            log.warning("no check run repo=%s reason=%s", repo, error)


def _check_text(job: Job, draft: Draft | None) -> CheckText:
    if job.state != "posted" or draft is None:
        return check_without_review(job.detail or job.state)
    if draft.shadow:
        return check_without_review("The adapter is watched, and does not speak yet")
    return check_of_draft(draft, job.detail)
