"""Mine what is new, rebuild the pairs, train from the base, measure, promote only what is better.

Every stage is durable: what was mined is stored batch by batch, training goes on from its
checkpoints, a stored scorecard is not measured again, and the run's record says how far it came.
The candidate is measured beside the live adapter on what is newer than both saw, and promoted as
`postil adapters promote` would. One retraining of a repository runs at a time.
"""

import hashlib
import logging
import os
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from finetune.adapters import Registry
from finetune.base_model import find_base
from finetune.cards import load_card
from finetune.evaluation.kept import SCORECARD, evaluations_folder, keep_evaluation
from finetune.evaluation.proof import prove
from finetune.evaluation.readings import Progress
from finetune.evaluation.scorecard import read_scorecard
from finetune.making import Reporter, make_adapter
from finetune.retraining.due import too_few
from finetune.retraining.ledger import Ledger, Past, Run, Tried
from finetune.retraining.promoting import decide_fate, promote
from finetune.retraining.telling import tell
from finetune.retrieval import make_retrieval
from mining.commands import open_source
from mining.dataset import build_dataset, digest_pairs
from mining.intake import Intake, take_in
from mining.store import Store, open_store
from mining.stored import read_stored, repo_of
from postil.errors import AdapterError, ConfigError, PostilError, StoppedError, TrainingError
from postil.prompt import TEMPLATE
from postil.records import Pair, read_jsonl
from postil.settings import Settings

Stages = Callable[[], AbstractContextManager[Callable[[str, int, int], None]]]
PAIRS = "pairs.jsonl"

log = logging.getLogger(__name__)


class Retraining:
    """One run for one repository."""

    _ledger: type[Ledger] = Ledger

    def __init__(self, settings: Settings, home: Path, url: str, repo: str | None) -> None:
        """`url` is the store's; `repo` may be left out where only one was mined."""
        self._settings, self._home, self._url, self._repo = settings, home, url, repo
        self._registry = Registry(home)
        self._wishes = digest_wishes(settings)
        self._looked = f"{self._wishes} {settings.retrain.min_new}"
        self._spent = _cpu_seconds()

    def go(self, reporter: Reporter, stages: Stages) -> str:
        """Run every stage, or go on with a run that was killed; what happened, in a line."""
        if self._settings.train.canaries:
            raise ConfigError("train.canaries is for a proof: take it out before retraining")
        with open_store(self._url) as store:
            repo = repo_of(store, self._repo)
            ledger = self._ledger(self._home, repo)
            with ledger.alone():
                return f"{repo}: {self._watched(store, repo, ledger, reporter, stages)}"

    def _watched(
        self, store: Store, repo: str, ledger: Ledger, reporter: Reporter, stages: Stages
    ) -> str:
        """A try leaves a trace, whatever becomes of it: the schedule goes by that."""
        before = ledger.tried() or Tried(at=datetime.now(UTC), failed=True)
        now = datetime.now(UTC)
        broke = msgspec.structs.replace(before, at=now, failed=True, detail="broke off")
        try:
            ledger.note_try(broke)
            return self._go(store, repo, ledger, before, reporter, stages)
        except StoppedError:
            raise
        except PostilError as error:
            run = ledger.run()
            if run is not None:
                ledger.note(msgspec.structs.replace(run, failed=str(error)))
            ledger.note_try(msgspec.structs.replace(broke, detail=str(error)))
            raise
        except OSError as error:  # such as a full disk, where nothing can be noted either
            where = error.filename or self._home
            raise TrainingError(
                f"{where}: {error.strerror or error}; what was done is kept, and the same command"
                " goes on once that is mended"
            ) from error

    def _go(
        self,
        store: Store,
        repo: str,
        ledger: Ledger,
        before: Tried,
        reporter: Reporter,
        stages: Stages,
    ) -> str:
        run, pairs = self._unfinished(store, repo, ledger)
        if run is None:
            begun = self._begin(store, repo, ledger, before)
            if isinstance(begun, str):
                return begun
            run, pairs = begun
        with stages() as progress:
            if run.stage == "built":
                made = self._make(pairs, repo, reporter, progress)
                run = self._note(ledger, run, stage="trained", candidate=made.name)
            if run.stage == "trained":
                run = self._measure(ledger, run, pairs, progress)
        return self._end(ledger, run, pairs)

    def _unfinished(
        self, store: Store, repo: str, ledger: Ledger
    ) -> tuple[Run | None, tuple[Pair, ...]]:
        """The run that was killed, with its pairs; none where it cannot be gone on with, or where
        it failed and something else is known by now."""
        run = ledger.run()
        if run is None:
            return None, ()
        if run.failed:
            self._mine(store, repo)
        path = self._home / "datasets" / repo / PAIRS
        pairs = tuple(read_jsonl(path, Pair)) if path.exists() else ()
        stale = run.wishes != self._wishes or digest_pairs(pairs) != run.data_sha256
        if stale or (run.failed and run.store != store.digest(repo)):
            log.warning("repo=%s the run of %s is given up for a new one", repo, run.begun_at)
            ledger.drop()
            return None, ()
        log.warning("repo=%s goes on with the run of %s, %s", repo, run.begun_at, run.stage)
        gone = run.candidate and not (self._registry.folder(repo) / run.candidate).exists()
        return (msgspec.structs.replace(run, stage="built") if gone else run), pairs

    def _begin(
        self, store: Store, repo: str, ledger: Ledger, tried: Tried
    ) -> str | tuple[Run, tuple[Pair, ...]]:
        """Mine and build; in words, why nothing is to be done."""
        self._mine(store, repo)
        stored, past = store.digest(repo), _last(ledger.past())
        if past and (past.store, past.wishes) == (stored, self._wishes):
            return self._nothing(ledger, "nothing new since the last run; nothing done", stored)
        if (tried.store, tried.looked) == (stored, self._looked):
            return self._nothing(ledger, tried.detail, stored)
        pairs = build(store, repo, self._settings, self._home / "datasets" / repo)
        data, live = digest_pairs(pairs), self._live(repo)
        if live and past is None and load_card(live).data_sha256 == data:
            said = "nothing new since the live adapter; nothing done"
            return self._nothing(ledger, said, stored)
        new = len(remarks_of(pairs) - ledger.learned())
        few = too_few(new, self._settings.retrain.min_new, past, self._wishes)
        if few:
            return self._nothing(ledger, few, stored)
        run = Run(
            repo=repo,
            begun_at=datetime.now(UTC),
            stage="built",
            store=stored,
            wishes=self._wishes,
            data_sha256=data,
            new_remarks=new,
            live=live.name if live else "",
        )
        return self._note(ledger, run), pairs

    def _nothing(self, ledger: Ledger, said: str, stored: str) -> str:
        now = datetime.now(UTC)
        seen = Tried(at=now, failed=False, detail=said, store=stored, looked=self._looked)
        ledger.note_try(seen)
        return said

    def _mine(self, store: Store, repo: str) -> None:
        for mined in store.sources():
            if mined.repo == repo:
                source, read = open_source(mined.where, mined.clone, repo, self._home)
                take_in(store, source, read, mined.where, None, None, Intake(), lambda: None)

    def _live(self, repo: str) -> Path | None:
        """The promoted adapter; none, said aloud, where somebody removed it."""
        try:
            return self._registry.current(repo)
        except AdapterError as error:
            log.warning("measured beside nothing: %s", error)
            return None

    def _make(
        self, pairs: tuple[Pair, ...], repo: str, reporter: Reporter, progress: Progress
    ) -> Path:
        if self._settings.train.mode == "retrieval":
            return make_retrieval(pairs, self._settings, self._registry, repo, progress).folder
        base = find_base(self._settings.train.base, self._home)
        made = make_adapter(pairs, self._settings, base, self._registry, repo, reporter, progress)
        return made.folder

    def _measure(
        self, ledger: Ledger, run: Run, pairs: tuple[Pair, ...], progress: Progress
    ) -> Run:
        """Beside the live adapter as it is now; not again where that stands in the registry."""
        live = self._live(run.repo)
        run = msgspec.structs.replace(run, live=live.name if live else "")
        made = self._registry.folder(run.repo) / run.candidate
        if not self._is_measured(run):
            card = prove(made, pairs, self._settings, self._home, progress, live=live)
            keep_evaluation(self._home, run.repo, made, card)
        return self._note(ledger, run, stage="measured")

    def _is_measured(self, run: Run) -> bool:
        path = evaluations_folder(self._home, run.repo, run.candidate) / SCORECARD
        if not path.exists():
            return False
        card = read_scorecard(path)
        beside = card.live.adapter if card.live else ""
        alone = run.live in ("", run.candidate)
        same = beside == ("" if alone else run.live) or (not beside and card.newer_than is not None)
        return card.data_sha256 == run.data_sha256 and same

    def _end(self, ledger: Ledger, run: Run, pairs: tuple[Pair, ...]) -> str:
        """Promote it or not, tell of it, and put the run among the past ones."""
        if run.stage == "measured":
            fate = decide_fate(self._registry, self._home, run, self._settings.review.canary)
            outcome, detail = fate.outcome, fate.detail
            run = self._note(ledger, run, stage="promoting", outcome=outcome, detail=detail)
        if run.stage == "promoting":
            promote(self._registry, self._home, run)
            run = self._note(ledger, run, stage="decided")
        tell(run, self._settings.retrain.notify_url)
        now = datetime.now(UTC)
        names = Past.__struct_fields__
        kept = {name: getattr(run, name) for name in names if name != "ended_at"}
        ledger.finish(Past(**kept, ended_at=now), remarks_of(pairs))
        ledger.note_try(Tried(at=now, failed=False, detail=run.detail))
        return run.detail

    def _note(self, ledger: Ledger, run: Run, **changed: object) -> Run:
        """Keep how far it came, and what that cost."""
        spent = _cpu_seconds()
        cpu_s = run.cpu_s + spent - self._spent
        self._spent = spent
        run = msgspec.structs.replace(run, cpu_s=round(cpu_s, 2), failed="", **changed)
        ledger.note(run)
        return run


def build(store: Store, repo: str, settings: Settings, folder: Path) -> tuple[Pair, ...]:
    """The pairs of all that is stored of a repository, written to `folder`."""
    stored = read_stored(store, repo)
    wished = stored.with_wishes(settings.mining)
    with stored.repository() as repository:
        built = build_dataset(
            stored.changes, repository, wished, folder, decisions=stored.decisions
        )
    return built.pairs


def digest_wishes(settings: Settings) -> str:
    """sha256 over the settings that decide what is learned."""
    review = (settings.review.name_reviewers, settings.review.min_precision)
    parts = (TEMPLATE, settings.mining, settings.train, settings.augment, *review)
    return hashlib.sha256(msgspec.json.encode(parts, order="deterministic")).hexdigest()


def remarks_of(pairs: Iterable[Pair]) -> frozenset[str]:
    """The accepted remarks among pairs, by their examples' ids."""
    return frozenset(pair.example for pair in pairs if pair.kind == "remark")


def _last(past: tuple[Past, ...]) -> Past | None:
    return past[-1] if past else None


def _cpu_seconds() -> float:
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system
