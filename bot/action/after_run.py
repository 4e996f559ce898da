"""After the run of another workflow: find its pull request, and take the result that it stored.

Which pull request it was is asked of the host by the head's branch and commit; the event is
GitHub's own. See `stored_result` for what is believed of the artifact.
"""

import tempfile
from pathlib import Path
from typing import Any

from bot.action.event import AfterRun
from bot.action.job import Job, Prepared
from bot.action.stored_result import MOST_BYTES, check_result, read_result
from bot.hosts import PullHead
from bot.model.adapter_info import read_info
from bot.model.remembering import read_voice
from bot.one_pull import PullReview
from bot.review import Reviewed
from bot.saying.placement import place_all
from postil.diff import parse_diff
from postil.errors import PayloadError
from postil.records import Draft

ACTIONS_READ = "actions: read"
MOST_PACKED = 1 << 20


def find_pull(job: Job, run: AfterRun) -> int | None:
    """The open pull request whose head is that of the run; None where there is none any more."""
    owner = run.head_repo.partition("/")[0]
    query = {"state": "open", "head": f"{owner}:{run.head_branch}", "per_page": "100"}
    pulls = job.rest.json(f"/repos/{job.workflow.repo}/pulls", "pull-requests: read", query)
    for pull in pulls:
        head = pull["head"]
        repo = (head.get("repo") or {}).get("full_name", "")
        if head["sha"] == run.head_sha and repo.lower() == run.head_repo.lower():
            return int(pull["number"])
    return None


def fetch_result(job: Job, run: AfterRun) -> Draft | None:
    """The result that a run stored; None if it stored none, PayloadError for anything unfit."""
    found = _artifact(job, run)
    if found is None:
        return None
    if int(found.get("size_in_bytes", 0)) > MOST_PACKED:
        raise PayloadError(f"the artifact is larger than {MOST_PACKED:,} bytes")
    with tempfile.TemporaryDirectory() as aside:
        archive = Path(aside) / "artifact.zip"
        path = f"/repos/{job.workflow.repo}/actions/artifacts/{int(found['id'])}/zip"
        job.rest.save(path, ACTIONS_READ, "*/*", MOST_BYTES, archive)
        return read_result(archive)


def _artifact(job: Job, run: AfterRun) -> dict[str, Any] | None:
    path = f"/repos/{job.workflow.repo}/actions/runs/{run.run}/artifacts"
    query = {"name": job.inputs.result_artifact, "per_page": "100"}
    listed = job.rest.json(path, ACTIONS_READ, query)
    for artifact in listed.get("artifacts", []):
        if artifact.get("name") == job.inputs.result_artifact and not artifact.get("expired"):
            return dict(artifact)
    return None


def believe(draft: Draft, head: PullHead, diff: str, prepared: Prepared) -> PullReview:
    """A stored review as one that was just made; PayloadError where it cannot be believed."""
    if prepared.adapter is None:
        raise PayloadError("this job has no adapter to check the stored result by")
    card, info = read_info(prepared.adapter)
    recall = read_voice(prepared.adapter, card).recall
    files = parse_diff(diff)
    most = prepared.settings.max_comments
    checked = check_result(draft, head, files, info, recall, most)
    reviewed = Reviewed(
        adapter=info.adapter,
        base=info.base,
        threshold=info.threshold,
        shadow=info.shadow,
        findings=checked.findings,
        reviewed=checked.reviewed,
        skipped=checked.skipped,
    )
    placed = place_all(checked.findings, files, head.repo, head.number)
    return PullReview(head=head, diff=diff, reviewed=reviewed, placed=tuple(placed))
