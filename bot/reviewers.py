"""The reviewer that the doors put in front of adapters.

One process is held at a time. Another adapter, by promotion or because the next pull request is of
another repository, takes its place; on the same base it is put beside the first, which stays.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import process_time

import msgspec

from bot.hosts import PullHead, ReviewText
from bot.idle import why_idle
from bot.model.opening import NO_ADAPTER, OpenModel, adapter_opener, find_for
from bot.model.process import ModelProcess
from bot.outcomes.shelf import read_tuning
from bot.review import Reviewed, read_nothing, review
from bot.saying.comment import Wording, write_review
from bot.saying.earlier import look_back
from bot.saying.posting import Standing
from bot.saying.summary import write_summary
from bot.work.steps import Reviewer
from finetune.cards import CARD
from finetune.pooling import pooled_repo
from postil.diff import parse_diff
from postil.records import Draft, PostedComment
from postil.settings import ReviewSettings, Settings

log = logging.getLogger(__name__)


class AdapterReviewer:
    """Reads pull requests with the adapter of their repository; see `bot.work.steps.Reviewer`."""

    def __init__(
        self,
        settings: ReviewSettings,
        home: Path,
        open_adapter: OpenModel,
        key: bytes,
        *,
        adapter: str = "",
    ) -> None:
        self._settings = settings
        self._home = home
        self._open = open_adapter
        self._key = key
        self._adapter = adapter
        self._held: tuple[tuple[Path, int, str], ModelProcess] | None = None
        """The process, and the adapter's folder with the number of its card's file: a promotion
        of the same adapter puts another card there; of a pooled one, the repository as well."""

    def read(
        self,
        repo: str,
        diff: str,
        newcomer: bool | None = None,
        settings: ReviewSettings | None = None,
        pull: int | None = None,
    ) -> Reviewed:
        """Review a diff with the adapter of a repository; an empty review where there is none.

        `newcomer`: as of `bot.review.review`. `settings`: others than those of the reviewer.
        `pull`: a number may make it the candidate's.
        """
        folder = self._choose(repo, pull, settings)
        if folder is None:
            return read_nothing(diff, NO_ADAPTER)
        model = self._model(folder, repo)
        log.info("reviewing repo=%s pull=%s adapter=%s", repo, pull or "", folder.name)
        begun = process_time() + model.spent_s()
        tuning = read_tuning(self._home, repo, folder.name)
        wanted = settings or self._settings
        reviewed = review(diff, model, wanted, newcomer=newcomer, tuning=tuning)
        spent = process_time() + model.spent_s() - begun
        reviewed = msgspec.structs.replace(reviewed, cpu_s=max(spent, 0.0))
        log.info(
            "reviewed repo=%s adapter=%s windows=%d findings=%d held_back=%d dropped=%s",
            repo,
            reviewed.adapter,
            reviewed.windows,
            len(reviewed.findings),
            reviewed.held_back,
            reviewed.dropped,
        )
        if reviewed.note:
            log.warning("repo=%s %s", repo, reviewed.note)
        return reviewed

    def adapter_of(
        self, repo: str, pull: int | None = None, settings: ReviewSettings | None = None
    ) -> str:
        """The digest of the adapter that would read a pull request; "" where there is none."""
        folder = self._choose(repo, pull, settings)
        return folder.name if folder else ""

    def _choose(self, repo: str, pull: int | None, own: ReviewSettings | None) -> Path | None:
        settings = own or self._settings
        canary = settings.canary if pull is not None else 0.0
        pooled = settings.adapter if repo and not self._adapter else ""
        shelf = pooled_repo(repo, pooled) if pooled else repo
        return find_for(self._home, shelf, pull or 0, canary, self._adapter)

    def idle(self, head: PullHead) -> str:
        """Why the settings leave a pull request out, or its state does; "" if they do not."""
        return why_idle(head, self._of(head))

    def review(self, head: PullHead, diff: str) -> Draft:
        """What the model says of a pull request's diff."""
        reviewed = self.read(head.repo, diff, head.newcomer, head.settings, head.number)
        return draft_of(head, reviewed)

    def say(
        self, head: PullHead, diff: str, draft: Draft, earlier: Sequence[PostedComment]
    ) -> ReviewText | None:
        """Word the draft; `head` is the head the draft was made for."""
        files = parse_diff(diff)
        before = look_back(earlier, files, head.repo, head.number)
        settings = self._of(head)
        wording = Wording(
            way=draft.way,
            provenance=settings.provenance,
            named=settings.name_reviewers,
            opened=head.created_at,
        )
        return write_review(draft, files, before, self._key, wording)

    def sum_up(self, head: PullHead, draft: Draft, standing: Standing) -> str:
        """The text of the summary; "" where the settings want none."""
        wanted = self._of(head).summary
        said = draft.findings or standing.open or standing.settled
        if wanted == "never" or (wanted == "remarks" and not said):
            return ""
        return write_summary(draft, standing)

    def _of(self, head: PullHead) -> ReviewSettings:
        return head.settings or self._settings

    def close(self) -> None:
        """End the model's process."""
        if self._held is not None:
            self._held[1].close()
            self._held = None

    def _model(self, folder: Path, repo: str) -> ModelProcess:
        place = repo if folder.parent.name.startswith("+") else ""
        held = (folder, (folder / CARD).stat().st_ino, place)
        if self._held is None or self._held[0] != held:
            opened = self._open(folder, repo=place)
            if self._held is not None:
                opened.take_over(self._held[1])
            self._held = (held, opened)
        return self._held[1]


def draft_of(head: PullHead, reviewed: Reviewed) -> Draft:
    """What is kept of a review before anything is posted."""
    return Draft(
        repo=head.repo,
        pull=head.number,
        head_sha=head.head_sha,
        adapter=reviewed.adapter,
        findings=reviewed.findings,
        reviewed=reviewed.reviewed,
        skipped=reviewed.skipped,
        shadow=reviewed.shadow,
        name=reviewed.name,
        base=reviewed.base,
        way=reviewed.way,
        threshold=reviewed.threshold,
        precision=reviewed.precision,
        windows=reviewed.windows,
        held_back=reviewed.held_back,
        silenced=reviewed.silenced,
        chances=reviewed.chances,
        seconds=reviewed.seconds,
        cpu_s=reviewed.cpu_s,
    )


def reviewed_of(draft: Draft) -> Reviewed:
    """A draft that was kept, as it was read; what was dropped is not kept."""
    return Reviewed(
        adapter=draft.adapter,
        base=draft.base,
        threshold=draft.threshold,
        shadow=draft.shadow,
        findings=draft.findings,
        reviewed=draft.reviewed,
        skipped=draft.skipped,
        windows=draft.windows,
        held_back=draft.held_back,
        silenced=draft.silenced,
        chances=draft.chances,
        seconds=draft.seconds,
        cpu_s=draft.cpu_s,
        name=draft.name,
        precision=draft.precision,
        way=draft.way,
    )


def reviewer_factory(
    settings: Settings, home: Path, environment: Mapping[str, str]
) -> Callable[[bytes], Reviewer]:
    """Makes what `bot.server` runs; the model itself is loaded when the first review comes."""

    def make(key: bytes) -> Reviewer:
        opener = adapter_opener(home, environment, engine=settings.engine)
        reader = AdapterReviewer(settings.review, home, opener, key)
        return Reviewer(
            review=reader.review,
            say=reader.say,
            sum_up=reader.sum_up,
            idle=reader.idle,
            close=reader.close,
        )

    return make
