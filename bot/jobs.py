"""Durable work: the inbox pumped into DBOS, one workflow a try, the delivery's id its name.

A crash at any edge leaves a delivery in the inbox and its workflow pending; the next start goes
on with both. DBOS recovers only work of the same executor and application version, so both are
set here and never follow a release. DBOS starts threads: start this after a fork, never before.
"""

import logging
import threading

from dbos import DBOS, DBOSConfig, SetEnqueueOptions, SetWorkflowID
from sqlalchemy.exc import SQLAlchemyError

from bot.inbox import Inbox, Job
from bot.steps import KEEPS_MOVING, MOVED, MOVES, MOVING_WAIT_S, Failure, Steps

log = logging.getLogger(__name__)

VERSION = "postil-jobs-1"
"""Changes only when a workflow that began before an upgrade could not go on after it."""
QUEUE = "reviews"
UNDER_WAY = ("PENDING", "ENQUEUED", "DELAYED")
RECOVERIES = 20
"""Restarts that may fall into one try before DBOS lets go of it."""


class Jobs:
    """The running queue of this process; there is one, as DBOS is one in a process."""

    def __init__(
        self, inbox: Inbox, steps: Steps, url: str, *, executor: str, poll_s: float = 1.0
    ) -> None:
        self._inbox = inbox
        self._steps = steps
        self._url = url
        self._executor = executor
        self._poll_s = poll_s
        self._woken = threading.Event()
        self._stopping = threading.Event()
        self._pump = threading.Thread(target=self._pump_loop, name="pump", daemon=True)

    def start(self) -> None:
        """Launch DBOS, take up what an earlier process left, and begin to pump."""
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
        def review_delivery(delivery: str) -> None:
            self._review_delivery(delivery)

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

    def _review_delivery(self, delivery: str) -> None:
        """One try, as a workflow: every step's result is stored, a stored one is not run again."""
        for _ in range(MOVES):
            head_sha = DBOS.run_step({"name": "draft"}, self._steps.draft, delivery)
            if isinstance(head_sha, Failure):
                return self._settle(delivery, head_sha)
            if not head_sha:
                return None
            ended = DBOS.run_step({"name": "post"}, self._steps.post, delivery, head_sha)
            if isinstance(ended, Failure):
                return self._settle(delivery, ended)
            if ended != MOVED:
                return None
        return self._settle(delivery, Failure(text=KEEPS_MOVING, retry_after_s=MOVING_WAIT_S))

    def _settle(self, delivery: str, failure: Failure) -> None:
        DBOS.run_step({"name": "settle"}, self._steps.settle, delivery, failure)

    def _pump_loop(self) -> None:
        while not self._stopping.is_set():
            self._woken.clear()
            try:
                while not self._stopping.is_set() and (jobs := self._inbox.due()):
                    for job in jobs:
                        self._enqueue(job)
            except SQLAlchemyError as error:
                log.error("the pump cannot reach its database: %s", type(error).__name__)
            self._woken.wait(self._poll_s)

    def _enqueue(self, job: Job) -> None:
        """Into the queue; a known id is not queued twice. Pull requests keep their order."""
        self._inbox.move(job, "debounced", job.detail)
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
            DBOS.enqueue_workflow(QUEUE, self._workflow, job.delivery)

    def _take_up(self, job: Job) -> None:
        """Go on with what an earlier process left; the inbox is the truth, not the queue."""
        status = DBOS.get_workflow_status(job.workflow_id)
        if status is None:
            self._hand_over(job)
        elif status.status not in UNDER_WAY and self._inbox.job(job.delivery) == job:
            failure = Failure(text=f"the queue gave up: {status.status}")
            self._steps.settle(job.delivery, failure)
