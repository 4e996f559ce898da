"""Durable work: the inbox pumped into DBOS, one workflow a try, the delivery's id its name.

A crash at any edge leaves a delivery in the inbox and its workflow pending; the next start goes
on with both. DBOS recovers only work of the same executor and application version, so both are
set here and never follow a release; what a worker left that does not come back is taken over by
the others, as another round. DBOS starts threads: start this after a fork, never before.
"""

import logging
import threading
import time

from dbos import DBOS, DBOSConfig, SetEnqueueOptions, SetWorkflowID
from sqlalchemy.exc import SQLAlchemyError

from bot.door.delivery import Job
from bot.door.inbox import Inbox
from bot.work.steps import KEEPS_MOVING, MOVED, MOVES, MOVING_WAIT_S, Failure, Steps
from bot.work.workers import BEATS, LEASE_S, Workers
from postil.errors import PayloadError

log = logging.getLogger(__name__)

VERSION = "postil-jobs-2"
"""Changes only when a workflow that began before an upgrade could not go on after it."""
QUEUE = "reviews"
UNDER_WAY = ("PENDING", "ENQUEUED", "DELAYED")
RECOVERIES = 20
"""Restarts that may fall into one try before DBOS lets go of it."""
AHEAD = 16
"""Jobs in the queue at once; the rest wait in the inbox, where they cost nothing."""


class Jobs:
    """The running queue of this process; there is one, as DBOS is one in a process."""

    def __init__(
        self,
        inbox: Inbox,
        steps: Steps,
        url: str,
        *,
        executor: str,
        poll_s: float = 1.0,
        lease_s: float = LEASE_S,
    ) -> None:
        self._inbox = inbox
        self._steps = steps
        self._url = url
        self._executor = executor
        self._poll_s = poll_s
        self._beat_s = lease_s / BEATS
        self._workers = Workers(inbox.database, lease_s=lease_s)
        self._next_beat = 0.0
        self._woken = threading.Event()
        self._stopping = threading.Event()
        self._pump = threading.Thread(target=self._pump_loop, name="pump", daemon=True)

    def start(self) -> None:
        """Launch DBOS, take up what an earlier process left, and begin to pump."""
        self._workers.beat(self._executor)
        config = DBOSConfig(
            name="postil",
            system_database_url=self._url,
            application_version=VERSION,
            executor_id=self._executor,
            log_level="WARNING",
            enable_otlp=False,
            max_executor_threads=8,
        )
        DBOS(config=config)

        @DBOS.workflow(name="review_delivery", max_recovery_attempts=RECOVERIES)
        def review_delivery(delivery: str, turn: int) -> None:
            self._review_delivery(delivery, turn)

        self._workflow = review_delivery
        DBOS.launch()
        DBOS.register_queue(
            QUEUE, worker_concurrency=1, partition_concurrency=1, polling_interval_sec=0.2
        )
        for job in self._inbox.unfinished():
            self._take_up(job)
        self._pump.start()

    def wake(self) -> None:
        """Say that something was received."""
        self._woken.set()

    def stop(self, timeout_s: int = 25) -> None:
        """Take nothing new, let the running try end, and let go of the database."""
        self._stopping.set()
        self._woken.set()
        self._pump.join()
        DBOS.destroy(destroy_registry=True, workflow_completion_timeout_sec=timeout_s)
        try:
            self._workers.leave(self._executor)
        except SQLAlchemyError as error:
            log.error("cannot say that this worker ends: %s", type(error).__name__)

    def _review_delivery(self, delivery: str, turn: int) -> None:
        """One try, as a workflow: every step's result is stored, a stored one is not run again."""
        for _ in range(MOVES):
            head_sha = DBOS.run_step({"name": "draft"}, self._steps.draft, delivery, turn)
            if isinstance(head_sha, Failure):
                return self._settle(delivery, head_sha, turn)
            if not head_sha:
                return None
            ended = DBOS.run_step({"name": "post"}, self._steps.post, delivery, head_sha, turn)
            if isinstance(ended, Failure):
                return self._settle(delivery, ended, turn)
            if ended != MOVED:
                return None
        failure = Failure(text=KEEPS_MOVING, retry_after_s=MOVING_WAIT_S)
        return self._settle(delivery, failure, turn)

    def _settle(self, delivery: str, failure: Failure, turn: int) -> None:
        DBOS.run_step({"name": "settle"}, self._steps.settle, delivery, failure, turn)

    def _pump_loop(self) -> None:
        while not self._stopping.is_set():
            self._woken.clear()
            try:
                self._beat()
                self._pump_due()
            except SQLAlchemyError as error:
                log.error("the pump cannot reach its database: %s", type(error).__name__)
            self._woken.wait(self._poll_s)

    def _pump_due(self) -> None:
        """Hand over what is due, as long as the queue is short."""
        while not self._stopping.is_set():
            room = AHEAD - len(self._inbox.unfinished())
            jobs = self._inbox.due(room) if room > 0 else []
            for job in jobs:
                self._enqueue(job)
            if not jobs:
                return

    def _beat(self) -> None:
        if time.monotonic() < self._next_beat:
            return
        self._next_beat = time.monotonic() + self._beat_s
        self._workers.beat(self._executor)
        self._take_over()

    def _enqueue(self, job: Job) -> None:
        """Into the queue; a known id is not queued twice. Pull requests keep their order."""
        if job.gives_way and self._inbox.later_waits(job):
            self._inbox.move(job, "superseded", "a later delivery of this pull request waits")
            return
        if not self._inbox.move(job, "debounced", job.detail):
            return
        try:
            self._hand_over(job)
        except SQLAlchemyError:
            self._inbox.move(job, "received", job.detail)
            raise

    def _hand_over(self, job: Job) -> None:
        with (
            SetWorkflowID(job.workflow_id),
            SetEnqueueOptions(queue_partition_key=f"{job.repo}#{job.pull}"),
        ):
            DBOS.enqueue_workflow(QUEUE, self._workflow, job.delivery, job.round)

    def _take_up(self, job: Job) -> None:
        """Go on with what an earlier process left; the inbox is the truth, not the queue."""
        status = DBOS.get_workflow_status(job.workflow_id)
        if status is None:
            self._hand_over(job)
        elif status.status not in UNDER_WAY and self._inbox.job(job.delivery) == job:
            failure = Failure(text=f"the queue gave up: {status.status}")
            self._steps.settle(job.delivery, failure, job.round)

    def _take_over(self) -> None:
        """Begin anew what was running in a worker that lives no more, and is not this one."""
        living = self._workers.living() | {self._executor}
        for status in DBOS.list_workflows(status="PENDING", load_output=False, queues_only=True):
            if status.executor_id in living:
                continue
            delivery, _, turn = status.workflow_id.partition(".")
            DBOS.cancel_workflow(status.workflow_id)
            try:
                job = self._inbox.job(delivery)
            except PayloadError:
                continue
            if job.round == int(turn or 0):
                detail = f"taken over from {status.executor_id}"
                self._inbox.move(job, "received", detail, round=job.round + 1)
                log.warning("taken over delivery=%s from=%s", delivery, status.executor_id)
