"""What every step of the Action has at hand, and the doors to the host that it opens."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec

from bot.action.base_branch import base_settings
from bot.action.bringing import bring_adapter
from bot.action.inputs import Inputs, with_inputs
from bot.action.rest import Rest, permission_line
from bot.action.sources import read_source
from bot.action.workflow import Workflow
from bot.hosts import PullHead
from bot.hosts.github import GitHubPulls
from bot.model.opening import OpenModel
from finetune.gate import GATE_FILE, read_gate
from postil.errors import HostingError
from postil.records import Record
from postil.settings import ReviewSettings, Settings

WORKFLOW_ACCOUNT = "github-actions[bot]"
"""Who a workflow's own token posts as; it may not ask."""
NOT_GRANTED = "not accessible by"
"""What GitHub says of a token without the permission: "Resource not accessible by integration"."""


class Job(Record, frozen=True, kw_only=True):
    """One run of the Action."""

    workflow: Workflow
    inputs: Inputs
    rest: Rest
    home: Path
    open_adapter: OpenModel
    key: bytes
    actor: str
    tell: Callable[[str], None]
    """Writes a line to the job's log."""


class Prepared(Record, frozen=True, kw_only=True):
    """What the base branch of a pull request says, and the adapter; None where there is none."""

    settings: ReviewSettings
    account: str
    origin: str
    adapter: Path | None
    precision: float | None
    """Measured in calibration."""
    least: float | None
    """The input `min-precision`."""

    @property
    def too_imprecise(self) -> str:
        """Why the adapter may not speak by `min-precision`; "" if it may."""
        if self.adapter is None or self.least is None or (self.precision or 0.0) >= self.least:
            return ""
        measured = "not measured" if self.precision is None else f"{self.precision:.2f}"
        return f"the adapter's precision is {measured}, and min-precision is {self.least:.2f}"


def settings_for(job: Job, head: PullHead) -> tuple[Settings, str]:
    """The settings at the base of a pull request with what the inputs change, and their origin."""
    settings, origin = base_settings(job.rest, job.workflow.repo, head.base_sha, job.inputs.config)
    review = with_inputs(settings.review, job.inputs)
    return msgspec.structs.replace(settings, review=review), origin


def prepare(job: Job, head: PullHead, settings: Settings, origin: str) -> Prepared:
    """Bring the adapter."""
    workflow, inputs = job.workflow, job.inputs
    source = read_source(inputs.adapter)
    folder = bring_adapter(
        job.rest, workflow.repo, head.base_sha, source, job.home, workflow.workspace
    )
    return Prepared(
        settings=settings.review,
        account=settings.server.account,
        origin=origin,
        adapter=folder,
        precision=measured_precision(folder) if folder else None,
        least=inputs.min_precision,
    )


def measured_precision(folder: Path) -> float | None:
    """The precision that an adapter's gate had in calibration; None where it was not measured."""
    path = folder / GATE_FILE
    return read_gate(path).expected_precision if path.exists() else None


def marker_key(environment: Mapping[str, str], repo: str) -> bytes:
    """The key that signs our markers in a workflow, the same in every run of a repository.

    POSTIL_MARKER_KEY where it is set, else derived from the webhook secret, else from the
    repository's name. The last is no secret: it keeps a marker whole, and whoever knows how can
    forge one. That is enough, because a marker counts only on comments of our own account, which
    the poster checks first.
    """
    seed = environment.get("POSTIL_MARKER_KEY") or environment.get("POSTIL_WEBHOOK_SECRET")
    return hashlib.sha256(f"postil marker key {seed or repo.lower()}".encode()).digest()


@contextmanager
def opened_pulls(job: Job, account: str = "") -> Iterator[GitHubPulls]:
    """The pull requests of this run's repository, as the account the token belongs to."""
    workflow = job.workflow
    pulls = GitHubPulls(
        workflow.repo, workflow.token, job.key, account=account, base_url=workflow.api_url
    )
    try:
        yield pulls
    finally:
        pulls.close()


def own_account(job: Job, configured: str) -> str:
    """Our login; a workflow's own token may not ask for it, so a refusal tells who it is."""
    if configured:
        return configured
    with opened_pulls(job) as pulls:
        try:
            return pulls.account()
        except HostingError as error:
            if not error.lasting or ": 401 " in str(error):
                raise
            return WORKFLOW_ACCOUNT


@contextmanager
def needing(need: str) -> Iterator[None]:
    """Add to a refusal for want of a permission which line of the workflow grants it."""
    try:
        yield
    except HostingError as error:
        if not error.lasting or NOT_GRANTED not in str(error):
            raise
        raise HostingError(f"{error}; {permission_line(need)}", lasting=True) from error
