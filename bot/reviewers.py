"""Which adapter reviews a repository, and the reviewer that the doors put in front of it.

One process is held at a time. Another adapter, by promotion or because the next pull request is of
another repository, takes its place; on the same base it is put beside the first, which stays.
"""

import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from time import process_time
from typing import Protocol

import msgspec

from bot.hosts import PullHead, ReviewText
from bot.idle import why_idle
from bot.model.adapter_info import read_info
from bot.model.process import ModelProcess
from bot.outcomes.shelf import read_tuning
from bot.review import Reviewed, read_nothing, review
from bot.saying.comment import Wording, write_review
from bot.saying.earlier import look_back
from bot.saying.posting import Standing
from bot.saying.summary import write_summary
from bot.work.steps import Reviewer
from finetune.adapters import CARD, Registry
from finetune.pooling import pooled_repo
from postil.diff import parse_diff
from postil.errors import AdapterError
from postil.records import Draft, PostedComment
from postil.settings import EngineSettings, ReviewSettings, Settings

log = logging.getLogger(__name__)

LOAD, SERVED = "bot.model.loaded_adapter:load", "bot.model.served_adapter:load"
REMEMBER = "bot.model.remembering:load"
"""What the child calls for an adapter with weights, here or at a server, and for one without."""
LOCAL = EngineSettings()
NO_ADAPTER = "no adapter is promoted for this repository"


def find_adapter(home: Path, repo: str, name: str = "") -> Path | None:
    """The folder of an adapter by path or digest, else the promoted one; None where none is."""
    if name and (Path(name).expanduser() / CARD).is_file():
        return Path(name).expanduser().resolve()
    if name and ("/" in name or not repo):
        raise AdapterError(f"{name}: no adapter folder: there is no {CARD} in it")
    if name:
        return Registry(home).find(repo, name)
    return Registry(home).current(repo) if repo else None


def open_model(
    folder: Path,
    home: Path,
    environment: Mapping[str, str],
    base_name: str = "",
    engine: EngineSettings = LOCAL,
    repo: str = "",
) -> ModelProcess:
    """The process of a verified adapter; nothing is loaded before it is asked something.

    `repo`: where it reviews, for an adapter of several repositories.
    """
    card, info = read_info(folder, repo)
    place = {"repo": repo} if card.pooled else {}
    served = card.has_weights and engine.kind == "openai"

    def find_spec() -> dict[str, str]:
        if not card.has_weights:
            return {"adapter": str(folder.resolve())}
        if served and engine.tokenizer:
            return _at_server(folder, engine, Path(engine.tokenizer))
        from finetune.base_model import find_base  # imports torch: seconds

        base = find_base(base_name or card.base, home)
        if served:
            return _at_server(folder, engine, base.folder)
        return {
            "adapter": str(folder.resolve()),
            "base": base.name,
            "base_folder": str(base.folder.resolve()),
            "base_revision": base.revision,
            "base_sha256": base.sha256,
        }

    def spec_there() -> dict[str, str]:
        return {**find_spec(), **place}

    own = {**environment, "POSTIL_HOME": str(home.resolve())}
    factory = SERVED if served else LOAD if card.has_weights else REMEMBER
    return ModelProcess(info, factory, spec_there, own)


def _at_server(folder: Path, engine: EngineSettings, tokenizer: Path) -> dict[str, str]:
    return {
        "adapter": str(folder.resolve()),
        "url": engine.url,
        "model": engine.model.replace("{adapter}", folder.name),
        "tokenizer": str(tokenizer.expanduser().resolve()),
    }


def find_for(home: Path, repo: str, pull: int, canary: float, name: str = "") -> Path | None:
    """The adapter of a pull request: the candidate's for a share of them, else the promoted one."""
    if not name and repo and in_canary(repo, pull, canary):
        try:
            candidate = Registry(home).candidate(repo)
        except AdapterError as error:
            log.warning("repo=%s reviewed by the promoted adapter: %s", repo, error)
            candidate = None
        if candidate is not None:
            return candidate
    return find_adapter(home, repo, name)


def in_canary(repo: str, pull: int, share: float) -> bool:
    """Whether a pull request is among those that the candidate reviews; the same at every push."""
    digest = hashlib.sha256(f"{repo.lower()}#{pull}".encode()).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64


class OpenModel(Protocol):
    """Opens an adapter's process, for one repository where it is of several."""

    def __call__(self, folder: Path, *, repo: str = ...) -> ModelProcess: ...


def adapter_opener(
    home: Path,
    environment: Mapping[str, str],
    base_name: str = "",
    engine: EngineSettings = LOCAL,
) -> OpenModel:
    """`open_model` for whichever folder comes."""
    return partial(
        open_model, home=home, environment=environment, base_name=base_name, engine=engine
    )


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
