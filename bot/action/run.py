"""The sentence of the Action: event -> what is asked -> review -> said -> written down."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from bot.action.after_run import believe, fetch_result, find_pull
from bot.action.caching import tell_adapter_key, tell_base_key
from bot.action.event import AfterRun, Asked, Nothing, ObeyComment, read_event, what_is_asked
from bot.action.inputs import Inputs, mode_of
from bot.action.job import (
    Job,
    Prepared,
    marker_key,
    needing,
    opened_pulls,
    own_account,
    prepare,
    settings_for,
)
from bot.action.page import write_failure, write_note
from bot.action.rest import Rest
from bot.action.saying import (
    READ_ONLY_ACTORS,
    Said,
    fails_build,
    say,
    silenced,
    write_down,
)
from bot.action.workflow import (
    Workflow,
    append_outputs,
    append_summary,
    notice_command,
    read_workflow,
    warning_command,
)
from bot.hosts import PullHead
from bot.hosts.github import GitHubPulls
from bot.idle import why_idle
from bot.model.opening import OpenModel
from bot.one_pull import PullReview, read_pull
from bot.reviewers import AdapterReviewer
from bot.work.orders import MAY_ORDER
from postil.errors import HostingError, PayloadError
from postil.records import Draft

READ = "pull-requests: read"


def run_action(
    environment: Mapping[str, str],
    home: Path,
    open_adapter: OpenModel,
    inputs: Inputs,
    tell: Callable[[str], None],
) -> bool:
    """Do all of it; whether the job is to fail by `fail-on`."""
    with opened_job(environment, home, open_adapter, inputs, tell) as job:
        return _do(job, _asked(job.workflow, inputs))


def run_step(
    environment: Mapping[str, str],
    home: Path,
    open_adapter: OpenModel,
    inputs: Inputs,
    tell: Callable[[str], None],
    name: str,
) -> None:
    """One of the steps before the review: `adapter-key` or `base-key`."""
    with opened_job(environment, home, open_adapter, inputs, tell) as job:
        step = tell_adapter_key if name == "adapter-key" else tell_base_key
        step(job, _asked(job.workflow, inputs))


@contextmanager
def opened_job(
    environment: Mapping[str, str],
    home: Path,
    open_adapter: OpenModel,
    inputs: Inputs,
    tell: Callable[[str], None],
) -> Iterator[Job]:
    """The run that the environment tells of."""
    workflow = read_workflow(environment)
    with Rest(workflow.api_url, workflow.token) as rest:
        yield Job(
            workflow=workflow,
            inputs=inputs,
            rest=rest,
            home=home,
            open_adapter=open_adapter,
            key=marker_key(environment, workflow.repo),
            actor=environment.get("GITHUB_ACTOR", ""),
            tell=tell,
        )


def _asked(workflow: Workflow, inputs: Inputs) -> Asked:
    try:
        content = workflow.event.read_bytes()
    except OSError as error:
        raise PayloadError(f"{workflow.event}: not an event file: {error.strerror}") from error
    event = read_event(content, str(workflow.event))
    return what_is_asked(workflow.event_name, event, workflow.repo, inputs.pull_request)


def _do(job: Job, asked: Asked) -> bool:
    if isinstance(asked, Nothing):
        return _rest(job, asked.reason)
    if isinstance(asked, ObeyComment):
        refusal = _refusal(job, asked)
        return _rest(job, refusal) if refusal else _review(job, asked.number)
    if isinstance(asked, AfterRun):
        return _after(job, asked)
    read_only = job.workflow.event_name == "pull_request" and (
        bool(asked.fork) or job.actor in READ_ONLY_ACTORS
    )
    wanted = asked.fork is None
    return _review(job, asked.number, read_only=read_only, wanted=wanted)


def _rest(job: Job, reason: str) -> bool:
    """There is nothing to do."""
    job.tell(notice_command(reason))
    append_summary(job.workflow, write_note(reason))
    append_outputs(job.workflow, {"findings": "0", "posted": "false"})
    return False


def _refusal(job: Job, asked: ObeyComment) -> str:
    """Why a comment is not obeyed; "" if it is."""
    if asked.command == "help":
        return "the command that the Action knows is /postil review"
    if asked.command != "review":
        return f"/postil {asked.command} is a command of the server, not of the Action"
    path = f"/repos/{job.workflow.repo}/collaborators/{quote(asked.login, safe='')}/permission"
    try:
        access = job.rest.json(path, "metadata: read")
    except HostingError as error:
        if not error.lasting:
            raise
        access = {}
    allowed = bool(MAY_ORDER & {access.get("permission"), access.get("role_name")})
    return "" if allowed else "whoever wrote this command has no write access here"


def _review(job: Job, number: int, *, read_only: bool = False, wanted: bool = True) -> bool:
    """Review a pull request; one that nobody asked for (`wanted`) only if the settings want it."""
    with opened_pulls(job) as pulls, needing(READ):
        head = pulls.read_pull(number)
    settings, origin = settings_for(job, head)
    if not wanted and (idle := why_idle(head, settings.review)):
        return _rest(job, idle)
    prepared = prepare(job, head, settings, origin)
    account = own_account(job, prepared.account)
    reader = _reader(job, prepared)
    try:
        with opened_pulls(job, account) as pulls:
            with needing(READ):
                read = read_pull(pulls, number, reader)
            return _say(job, read, reader, pulls, prepared, read_only=read_only)
    finally:
        reader.close()


def _say(
    job: Job,
    read: PullReview,
    reader: AdapterReviewer,
    pulls: GitHubPulls,
    prepared: Prepared,
    *,
    read_only: bool,
) -> bool:
    """Say it, unless the adapter is not precise enough, and write all of it down."""
    mode = mode_of(prepared.settings, job.inputs)
    if why := prepared.too_imprecise:
        read, said = silenced(read), Said(detail=f"nothing is said: {why}")
    else:
        said = say(job, read, reader, pulls, mode, read_only=read_only)
    write_down(job, read, prepared, said)
    job.tell(said.detail)
    return fails_build(job, read)


def _reader(job: Job, prepared: Prepared) -> AdapterReviewer:
    name = str(prepared.adapter) if prepared.adapter else ""
    return AdapterReviewer(prepared.settings, job.home, job.open_adapter, job.key, adapter=name)


def _after(job: Job, run: AfterRun) -> bool:
    """Post what the run before stored, or review anew where nothing is to be taken from it."""
    number = find_pull(job, run)
    if number is None:
        return _rest(job, "no open pull request has the head of that run any more")
    if not job.inputs.result_artifact:
        return _review(job, number, wanted=False)
    try:
        draft = fetch_result(job, run)
        if draft is None:
            return _rest(job, "the run before stored no result for this job to post")
        return _post_stored(job, number, draft)
    except PayloadError as error:
        # A stranger may have written it: that fails nobody's job.
        job.tell(warning_command(f"nothing is posted: {error}"))
        append_summary(job.workflow, write_failure(f"nothing is posted: {error}"))
        append_outputs(job.workflow, {"findings": "0", "posted": "false"})
        return False


def _post_stored(job: Job, number: int, draft: Draft) -> bool:
    with opened_pulls(job) as pulls, needing(READ):
        head = pulls.read_pull(number)
    settings, origin = settings_for(job, head)
    if idle := why_idle(head, settings.review):
        return _rest(job, idle)
    prepared = prepare(job, head, settings, origin)
    account = own_account(job, prepared.account)
    reader = _reader(job, prepared)
    with opened_pulls(job, account) as pulls:
        with needing(READ):
            diff = _same_diff(pulls.read_diff(number), pulls.read_pull(number), head)
        read = believe(draft, head, diff, prepared)
        return _say(job, read, reader, pulls, prepared, read_only=False)


def _same_diff(diff: str, after: PullHead, before: PullHead) -> str:
    if after.head_sha != before.head_sha:
        raise HostingError(f"{before.repo}#{before.number}: was pushed to while it was read")
    return diff
