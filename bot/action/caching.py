"""What the caches of a workflow are keyed by: the content of the adapter, and of its base model.

Two small steps before the review, so that actions/cache can put both in place: the first tells
the adapter's key, the second brings the adapter if the cache had none and tells its base's.
"""

from bot.action.bringing import bring_adapter, fetched_folder
from bot.action.event import Asked, ReviewPull
from bot.action.job import Job, needing, opened_pulls
from bot.action.located import locate
from bot.action.sources import read_source
from bot.action.workflow import append_outputs
from finetune.base_model import packed_by
from finetune.cards import load_card
from postil.records import AdapterCard

NOT_BROUGHT = ("promoted", "digest", "runner")
"""Kinds of adapters that are on the runner already."""


def tell_adapter_key(job: Job, asked: Asked) -> None:
    """Outputs `adapter-key` and `adapter-folder`; empty where there is nothing to cache."""
    source = read_source(job.inputs.adapter)
    key = folder = ""
    if isinstance(asked, ReviewPull) and source.kind not in NOT_BROUGHT:
        sha = _base_sha(job, asked.number)
        kept = fetched_folder(job.home, locate(job.rest, job.workflow.repo, sha, source).key)
        key, folder = kept.name, str(kept)
    append_outputs(job.workflow, {"adapter-key": key, "adapter-folder": folder})


def tell_base_key(job: Job, asked: Asked) -> None:
    """Bring the adapter; output `base-key`, empty where it needs no base model."""
    key = ""
    if isinstance(asked, ReviewPull):
        sha = _base_sha(job, asked.number)
        source = read_source(job.inputs.adapter)
        workflow = job.workflow
        folder = bring_adapter(job.rest, workflow.repo, sha, source, job.home, workflow.workspace)
        card = load_card(folder) if folder else None
        key = base_key(card) if card and card.has_weights else ""
    append_outputs(job.workflow, {"base-key": key})


def base_key(card: AdapterCard) -> str:
    """The weights, and in NF4 what quantises them: its values are kept beside them."""
    key = card.base_sha256[:32]
    if not card.scoring.get("precision", "").startswith("nf4"):
        return key
    return "-".join((key, "nf4", *packed_by().values()))


def _base_sha(job: Job, number: int) -> str:
    with opened_pulls(job) as pulls, needing("pull-requests: read"):
        return pulls.read_pull(number).base_sha
