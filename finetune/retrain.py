"""Mine what is new, rebuild the pairs, train from the base, and promote only what is better.

The candidate and the live adapter are compared on the newest remarks, the test part, which
neither was trained on: mean loss a token over whole answers. One retraining of a repository runs
at a time, held by a lock file that the system frees if the process dies.
"""

import fcntl
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from finetune.adapters import Registry, load_card
from finetune.base_model import find_base
from finetune.evaluation.proof import opened
from finetune.making import Made, Reporter, make_adapter
from finetune.retrieval import make_retrieval
from mining.commands import open_source, store_url
from mining.dataset import build_dataset, digest_pairs
from mining.intake import Intake, go_on, take_in
from mining.store import SaveTally, open_store
from mining.stored import Stored, read_stored
from postil.errors import ConfigError, TrainingError
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
        if self._settings.train.mode == "retrieval":
            return self._remember(built.pairs, registry, stored.repo, stages)
        base = find_base(self._settings.train.base, self._home)
        with stages() as progress:
            made = make_adapter(
                built.pairs, self._settings, base, registry, stored.repo, reporter, progress
            )
        verdict, better = self._compare(made, live, built.pairs)
        if better:
            registry.promote(stored.repo, made.folder)
        done = "promoted" if better else "not promoted"
        return f"{stored.repo}: {verdict}; {done}: {made.folder.name}"

    def _remember(
        self, pairs: tuple[Pair, ...], registry: Registry, repo: str, stages: Stages
    ) -> str:
        """A newer memory; it has no loss to compare, so a person measures and promotes it."""
        with stages() as progress:
            made = make_retrieval(pairs, self._settings, registry, repo, progress)
        return (
            f"{repo}: remembers {made.remarks} accepted remarks; not promoted: {made.folder.name}"
            " (postil evaluate, then postil adapters promote)"
        )

    def _compare(self, made: Made, live: Path | None, pairs: tuple[Pair, ...]) -> tuple[str, bool]:
        """Held-out loss of the candidate beside the live adapter's, or the bare base's."""
        newest = [p for p in pairs if p.split == "test" and p.kind == "remark" and p.located]
        if not newest:
            return "no remarks in the test part to compare on", False
        if live and not load_card(live).has_weights:
            return "the live adapter has no weights, so no loss to compare with", False
        ours = self._loss(made.folder, newest)
        theirs = self._loss(live, newest, made.folder)
        rival = "the live adapter" if live else "the bare base"
        return f"held-out loss {ours:.3f}, {rival} {theirs:.3f}", ours < theirs

    def _loss(self, folder: Path | None, pairs: list[Pair], path: Path | None = None) -> float:
        """Mean nats a token; of the bare base of `path`'s card where `folder` is None."""
        card = load_card(folder or path or Path())
        with opened(find_base(card.base, self._home), folder, card) as engine:
            found = engine.loss([p.instruction for p in pairs], [p.response for p in pairs])
        return sum(loss for loss, _ in found) / max(1, sum(tokens for _, tokens in found))


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
