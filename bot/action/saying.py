"""What is done with a review: posted, shown on lines, or only written down.

Where the token turns out to be read-only, as on a pull request from a fork, what would have been
posted is shown on the lines, and kept as a file that another job may post.
"""

from collections.abc import Sequence

import msgspec

from bot.action.inputs import Mode
from bot.action.job import NOT_GRANTED, Job, Prepared, needing
from bot.action.page import write_page
from bot.action.stored_result import write_result
from bot.action.workflow import append_outputs, append_summary, error_command, inert
from bot.hosts import ReviewText
from bot.hosts.github import GitHubPulls
from bot.one_pull import PullReview, post_pull
from bot.output.annotations import render_annotations
from bot.output.render import render_json
from bot.output.sarif import render_sarif
from bot.reviewers import AdapterReviewer, draft_of
from bot.saying.placement import PlacedFinding
from postil.errors import HostingError
from postil.records import Record

REPORT, SARIF = "report.json", "postil.sarif"
WRITE = "pull-requests: write"
READ_ONLY_ACTORS = ("dependabot[bot]",)
"""Whose pull requests get a token like a fork's."""


class Said(Record, frozen=True, kw_only=True):
    """What was done: in words, whether it was posted, and the file kept for another job."""

    detail: str
    posted: bool = False
    result: str = ""


def say(
    job: Job,
    read: PullReview,
    reader: AdapterReviewer,
    pulls: GitHubPulls,
    mode: Mode,
    *,
    read_only: bool,
) -> Said:
    """Do what the mode says with a review that may speak."""
    if read.reviewed.shadow and mode in ("annotate", "sarif"):
        return Said(detail=f"nothing is said: {read.reviewed.adapter} was not promoted to speak")
    if mode == "annotate":
        return Said(detail=f"annotated: {_annotate(job, read.placed)} lines")
    if mode == "sarif":
        return Said(detail="nothing is posted: the remarks are in the SARIF file")
    if mode == "dry-run":
        return _rehearse(job, read, reader, pulls)
    if mode == "summary":
        return Said(detail="nothing is posted: review.mode or the input mode says so")
    try:
        with needing(WRITE):
            done = post_pull(pulls, read, reader, job.key)
    except HostingError as error:
        if not (read_only and error.lasting and NOT_GRANTED in str(error)):
            raise
        return _keep(job, read)
    return Said(detail=done, posted=done.startswith("posted"))


def _annotate(job: Job, placed: Sequence[PlacedFinding]) -> int:
    lines = render_annotations(placed)
    for line in lines:
        job.tell(line)
    return len(lines)


def _keep(job: Job, read: PullReview) -> Said:
    """Show on the lines what may not be posted, and keep it."""
    path = write_result(job.workflow.results, draft_of(read.head, read.reviewed))
    shown = _annotate(job, read.placed)
    detail = (
        "nothing is posted: the token of this pull request may only read;"
        f" {shown} lines annotated, the result is kept for a job that may write"
    )
    return Said(detail=detail, result=str(path))


def _rehearse(job: Job, read: PullReview, reader: AdapterReviewer, pulls: GitHubPulls) -> Said:
    """Write the review into the log, word for word, and post nothing."""
    earlier = pulls.our_comments(read.head.number)
    text = reader.say(read.head, read.diff, draft_of(read.head, read.reviewed), earlier)
    if text is None:
        return Said(detail="dry run: nothing would be posted")
    job.tell(inert(_whole(text)))
    count = len(text.comments)
    return Said(detail=f"dry run: one review with {count} line comments would be posted")


def _whole(text: ReviewText) -> str:
    parts = [text.body]
    parts += [f"--- {one.path}:{one.line} {one.side}\n{one.body}" for one in text.comments]
    return "\n\n".join(parts)


def write_down(job: Job, read: PullReview, prepared: Prepared, said: Said) -> None:
    """The report, the SARIF file, the job's summary and the step's outputs."""
    workflow, reviewed = job.workflow, read.reviewed
    workflow.results.mkdir(parents=True, exist_ok=True)
    report, sarif = workflow.results / REPORT, workflow.results / SARIF
    report.write_text(render_json(reviewed, read.placed), encoding="utf-8")
    sarif.write_text(render_sarif(reviewed, () if reviewed.shadow else read.placed), "utf-8")
    url = f"{workflow.server_url}/{workflow.repo}/pull/{read.head.number}"
    page = write_page(
        reviewed,
        read.placed,
        url,
        read.head.number,
        read.head.head_sha,
        said.detail,
        prepared.precision,
        prepared.origin,
    )
    append_summary(workflow, page)
    outputs = {
        "adapter": reviewed.adapter,
        "findings": str(len(reviewed.findings)),
        "reviewed": str(len(reviewed.reviewed)),
        "skipped": str(len(reviewed.skipped)),
        "posted": str(said.posted).lower(),
        "report": str(report),
        "sarif": str(sarif),
        "result": said.result,
    }
    append_outputs(workflow, outputs)


def silenced(read: PullReview) -> PullReview:
    """A review that says nothing, because its adapter may not."""
    reviewed = msgspec.structs.replace(read.reviewed, findings=(), shadow=True)
    return msgspec.structs.replace(read, reviewed=reviewed, placed=())


def fails_build(job: Job, read: PullReview) -> bool:
    """Whether `fail-on` makes the job fail; says so in its log."""
    limit = job.inputs.fail_on
    count = sum(one.score >= limit for one in read.reviewed.findings)
    if not count or read.reviewed.shadow:
        return False
    what = "remark" if count == 1 else "remarks"
    job.tell(error_command(f"fail-on: {count} {what} of probability {limit:g} or more"))
    return True
