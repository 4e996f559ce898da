"""Mine what is new, rebuild the pairs, train from the base, and promote only what is better.

The candidate is measured on the newest part, beside its base, the live adapter and what costs less,
and promoted as `postil adapters promote` would. One retraining of a repository runs at a time, held
by a lock file that the system frees if the process dies.
"""

import fcntl
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from finetune.adapters import Registry, load_card
from finetune.base_model import find_base
from finetune.evaluation.kept import keep_evaluation
from finetune.evaluation.proof import prove
from finetune.evaluation.readings import Progress
from finetune.making import Reporter, make_adapter
from finetune.promotion import decide
from finetune.retrieval import make_retrieval
from mining.commands import open_source, store_url
from mining.dataset import build_dataset, digest_pairs
from mining.intake import Intake, go_on, take_in
from mining.store import SaveTally, open_store
from mining.stored import Stored, read_stored
from postil.errors import AdapterError, ConfigError, TrainingError
from postil.records import Pair
from postil.settings import Settings

Stages = Callable[[], AbstractContextManager[Callable[[str, int, int], None]]]


class Retraining:
    """One run for one repository."""

    def __init__(
        self, settings: Settings, home: Path, environment: Mapping[str, str], repo: str | None
    ) -> None:
        self._settings, self._home, self._repo = settings, home, repo
        self._url = environment.get("POSTIL_DATABASE_URL") or store_url(home)

    def look(self) -> str:
        """What a run would take in, without storing or training."""
        tally = SaveTally()
        with open_store(self._url) as store:
            stored = read_stored(store, self._repo)
            for mined in store.sources():
                if mined.repo == stored.repo:
                    source, _ = open_source(mined.where, mined.clone, mined.repo)
                    go_on(store, source)
                    tally += store.compare(mined.source, mined.repo, source.fetch(None, None))
        live = Registry(self._home).current(stored.repo)
        since = f"made {load_card(live).created_at:%Y-%m-%d}" if live else "none yet"
        return (
            f"{stored.repo}: {len(stored.changes)} changes stored; at the source {tally.new} new"
            f" and {tally.changed} changed; live adapter: {since}"
        )

    def go(self, reporter: Reporter, stages: Stages) -> str:
        """Run every stage; what happened, in a few lines."""
        if self._settings.train.canaries:
            raise ConfigError("train.canaries is for a proof: take it out before retraining")
        with open_store(self._url) as store:
            for mined in store.sources():
                if self._repo in (None, mined.repo):
                    source, read = open_source(mined.where, mined.clone, mined.repo)
                    take_in(store, source, read, mined.where, None, None, Intake(), lambda: None)
            stored = read_stored(store, self._repo)
        registry = Registry(self._home)
        with _alone(registry.folder(stored.repo)):
            return self._train(stored, registry, reporter, stages)

    def _train(self, stored: Stored, registry: Registry, reporter: Reporter, stages: Stages) -> str:
        folder = self._home / "datasets" / stored.repo
        wished = stored.with_wishes(self._settings.mining)
        built = build_dataset(
            stored.changes,
            stored.repository(),
            wished,
            folder,
            decisions=stored.decisions,
        )
        live = registry.current(stored.repo)
        if live and load_card(live).data_sha256 == digest_pairs(built.pairs):
            return f"{stored.repo}: nothing new since the live adapter; nothing done"
        with stages() as progress:
            made = self._make(built.pairs, registry, stored.repo, reporter, progress)
            scorecard = prove(made, built.pairs, self._settings, self._home, progress, live=live)
        keep_evaluation(self._home, stored.repo, made, scorecard)
        return f"{stored.repo}: {self._promote(registry, stored.repo, made, live)}"

    def _make(
        self,
        pairs: tuple[Pair, ...],
        registry: Registry,
        repo: str,
        reporter: Reporter,
        progress: Progress,
    ) -> Path:
        if self._settings.train.mode == "retrieval":
            return make_retrieval(pairs, self._settings, registry, repo, progress).folder
        base = find_base(self._settings.train.base, self._home)
        made = make_adapter(pairs, self._settings, base, registry, repo, reporter, progress)
        return made.folder

    def _promote(self, registry: Registry, repo: str, made: Path, live: Path | None) -> str:
        """Let it speak if it has earned it, be watched if nothing speaks yet; in words."""
        try:
            registry.promote(repo, made, decide(self._home, repo, made, live, None))
            return f"promoted: {made.name}"
        except AdapterError as error:
            if live and not _watched(live):
                return f"not promoted: {error}"
        watched = decide(self._home, repo, made, live, "shadow")
        registry.promote(repo, made, watched)
        return f"promoted in shadow, it posts nothing: {made.name}; {'; '.join(watched.failed)}"


def _watched(live: Path) -> bool:
    promotion = load_card(live).promotion
    return promotion is not None and promotion.how == "shadow"


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the repository's lock; TrainingError where another run holds it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".retraining").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise TrainingError(f"{folder}: another retraining is running") from error
        yield
