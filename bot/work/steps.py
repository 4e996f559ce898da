"""The steps of one job: read the pull request, draft, post. Each may be run again at any time.

The latest head wins: what is reviewed is the head that the host shows now, and a delivery that
a later one of the same pull request will make pointless gives way to it. Effects are idempotent:
a draft is kept before anything is posted, and a review's marker is searched before it is sent.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from bot.door.delivery import CLOSED, Job
from bot.door.inbox import Inbox
from bot.hosts import PullHead, Pulls
from bot.idle import why_idle
from bot.operations import logs
from bot.saying.posting import SayReview, SumUp, no_summary, post_draft
from bot.work.asides import Asides
from postil.errors import AdapterError, HostingError, UsageError
from postil.records import Draft
from postil.settings import ReviewSettings

log = logging.getLogger(__name__)

TRIES = 3
WAITS = 24
"""How often a host may tell us to come back later before a job is given up."""
MOVED = "moved"
MOVES = 3
"""Heads that may appear under one try before it is put off."""
MOVING_WAIT_S = 30.0
KEEPS_MOVING = "the head keeps moving"

SettleOn = Callable[[Pulls, PullHead], PullHead]
"""Puts the settings that hold for a pull request beside its head."""
JudgePull = Callable[[str, int], str]
"""Reads what people did on a closed pull request of a repository; what came of it, in words."""
ReviewPull = Callable[[PullHead, str], Draft]
"""Asks the model about a pull request's diff."""


def _nothing() -> None:
    """The reviewer holds nothing that has to be closed."""


def _idle(head: PullHead) -> str:
    return why_idle(head, ReviewSettings())


@dataclass(frozen=True, kw_only=True)
class Reviewer:
    """What thinks, behind callables: this module knows no model."""

    review: ReviewPull
    say: SayReview
    sum_up: SumUp = no_summary
    idle: Callable[[PullHead], str] = _idle
    """Why a pull request is not to be reviewed now; "" if it is."""
    close: Callable[[], None] = _nothing


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Why a step did not succeed, in a form that can be stored."""

    text: str
    retry_after_s: float | None = None
    lasting: bool = False


class Steps:
    """The steps over one inbox. One at a time in a process: one thread owns the model."""

    def __init__(
        self,
        inbox: Inbox,
        pulls_of: Callable[[str], Pulls],
        reviewer: Reviewer,
        key: bytes,
        *,
        mode: Literal["shadow", "comment"],
        asides: Asides | None = None,
        judge: JudgePull | None = None,
        settle_on: SettleOn = lambda _, head: head,
        pause_s: float = 20.0,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._inbox = inbox
        self._pulls_of = pulls_of
        self._reviewer = reviewer
        self._key = key
        self._mode = mode
        self._asides = asides
        self._judge = judge
        self._settle_on = settle_on
        self._pause_s = pause_s
        self._now = now
        self._turn = threading.Lock()

    def draft(self, delivery: str, turn: int | None = None) -> str | Failure:
        """Read the pull request and keep what the model says; return the head, "" for done.

        `turn` is the round of the delivery that this try belongs to: where it has moved on,
        because another worker took the job over, nothing is done.
        """
        return self._guarded(delivery, turn, self._draft)

    def post(self, delivery: str, head_sha: str, turn: int | None = None) -> str | Failure:
        """Post the draft of a head as one review; return MOVED if the head is another now."""
        done = self._guarded(delivery, turn, lambda job: self._post(job, head_sha))
        if done == "" and self._asides is not None:
            self._asides.ended(self._inbox.job(delivery), head_sha)
        return done

    def _guarded(
        self, delivery: str, turn: int | None, step: Callable[[Job], str]
    ) -> str | Failure:
        """Run one step; the one place where anything that goes wrong is caught.

        A job must end in a state that a person can read, whatever a diff or a model did.
        """
        try:
            with self._turn, logs.delivery(delivery):
                job = self._inbox.job(delivery)
                return step(job) if turn in (None, job.round) else ""
        except HostingError as error:
            log.warning("failed delivery=%s reason=%s", delivery, error)
            return Failure(
                text=str(error), retry_after_s=error.retry_after_s, lasting=error.lasting
            )
        except (AdapterError, UsageError) as error:
            log.warning("failed delivery=%s reason=%s", delivery, error)
            return Failure(text=str(error), lasting=True)
        except Exception as error:
            log.exception("failed delivery=%s", delivery)
            return Failure(text=f"{type(error).__name__}: {error}")

    def _draft(self, job: Job) -> str:
        if job.gives_way and self._inbox.later_waits(job):
            return self._end(job, "superseded", "a later delivery of this pull request waits")
        self._inbox.move(job, "leased")
        if job.action == CLOSED:
            found = self._judge(job.repo, job.pull) if self._judge else "closed"
            return self._end(job, "posted", found)
        pulls = self._pulls_of(job.repo)
        head = self._settle_on(pulls, pulls.read_pull(job.pull))
        if idle := self._reviewer.idle(head):
            return self._end(job, "superseded", idle)
        if self._asides is not None and (why := self._asides.before(job, head)):
            return self._end(job, "posted" if job.is_order else "superseded", why)
        if self._inbox.was_posted(job.repo, job.pull, head.head_sha):
            return self._end(job, "posted", "this head was reviewed before")
        if self._inbox.draft(job.repo, job.pull, head.head_sha) is None:
            if self._asides is not None:
                self._asides.begun(job.repo, head.head_sha)
            moved, diff = _settled_diff(pulls, head)
            head = self._settle_on(pulls, moved)
            self._inbox.save_draft(self._reviewer.review(head, diff))
        self._inbox.move(job, "drafted")
        return head.head_sha

    def _post(self, job: Job, head_sha: str) -> str:
        pulls = self._pulls_of(job.repo)
        diff = pulls.read_diff(job.pull)
        # after the diff: unchanged, the diff was of this head
        head = self._settle_on(pulls, pulls.read_pull(job.pull))
        if idle := self._reviewer.idle(head):
            return self._end(job, "superseded", idle)
        if head.head_sha != head_sha:
            if self._inbox.later_waits(job):
                return self._end(job, "superseded", "the head moved on")
            return MOVED
        draft = self._inbox.draft(job.repo, job.pull, head_sha)
        if draft is None:
            raise HostingError(f"{job.repo}#{job.pull}: the draft of {head_sha} is gone")
        mode = head.settings.mode if head.settings else self._mode
        if mode == "shadow" or draft.shadow:
            return self._end(job, "posted", f"shadow: {len(draft.findings)} findings, none posted")
        return self._say(job, pulls, head, diff, draft)

    def _say(self, job: Job, pulls: Pulls, head: PullHead, diff: str, draft: Draft) -> str:
        say, sum_up = self._reviewer.say, self._reviewer.sum_up
        detail = post_draft(
            *(pulls, head, diff, draft, say, sum_up, self._key),
            begin=lambda: self._inbox.move(job, "posting"),
        )
        if not detail:
            return ""  # another worker has taken it over
        self._inbox.mark_posted(job.repo, job.pull, head.head_sha)
        return self._end(job, "posted", detail)

    def settle(self, delivery: str, failure: Failure, turn: int | None = None) -> None:
        """Put a failed job off, park it, or give it up after three tries."""
        job = self._inbox.job(delivery)
        if turn not in (None, job.round):
            return
        if failure.lasting:
            self._end(job, "parked", failure.text)
            return
        if failure.retry_after_s is not None and job.waits < WAITS:
            again = self._now() + failure.retry_after_s
            tries, waits = job.tries, job.waits + 1
        else:
            tries, waits = job.tries + 1, job.waits
            again = self._now() + self._pause_s * 3**job.tries
            if tries >= TRIES or job.waits >= WAITS:
                self._inbox.move(job, "dead", failure.text, tries=tries)
                if self._asides is not None and job.head_sha:
                    self._asides.ended(self._inbox.job(delivery), job.head_sha)
                return
        self._inbox.move(
            job,
            "received",
            failure.text,
            round=job.round + 1,
            tries=tries,
            waits=waits,
            not_before=again,
        )

    def _end(self, job: Job, state: Literal["posted", "superseded", "parked"], detail: str) -> str:
        self._inbox.move(job, state, detail)
        log.info("ended delivery=%s state=%s detail=%s", job.delivery, state, detail)
        return ""


def _settled_diff(pulls: Pulls, head: PullHead) -> tuple[PullHead, str]:
    """A diff and the head it belongs to: the head was the same before and after."""
    for _ in range(MOVES):
        diff = pulls.read_diff(head.number)
        after = pulls.read_pull(head.number)
        if after.head_sha == head.head_sha:
            return after, diff
        head = after
    raise HostingError(KEEPS_MOVING, retry_after_s=MOVING_WAIT_S)
