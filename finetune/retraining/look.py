"""What a retraining would do and cost, without storing, promoting or training anything."""

import tempfile
from pathlib import Path

from finetune.adapters import Registry
from finetune.cards import load_card
from finetune.newer import known_until
from finetune.retraining.due import too_few
from finetune.retraining.ledger import Ledger
from finetune.retraining.run import build, digest_wishes, remarks_of
from finetune.training.progress import plan_text
from mining.commands import open_source
from mining.intake import go_on
from mining.store import SaveTally, Store, open_store
from mining.stored import repo_of
from postil.errors import AdapterError, SourceError
from postil.records import Pair
from postil.settings import Settings

MEASURING = "measuring comes on top: about as long as `postil evaluate` takes"


def look(settings: Settings, home: Path, url: str, named: str | None) -> str:
    """In lines: what is new at the source and here, what would follow, and its estimate."""
    with open_store(url) as store:
        repo = repo_of(store, named)
        tally, ledger = _at_source(store, repo, home), Ledger(home, repo)
        lines = [
            f"{repo}: at the source {tally.new} new and {tally.changed} changed changes;"
            f" live adapter: {_live(home, repo)}"
        ]
        if run := ledger.run():
            return "\n".join((*lines, f"would go on with the run of {run.begun_at}, {run.stage}"))
        past, wishes = (ledger.past() or (None,))[-1], digest_wishes(settings)
        if past and (past.store, past.wishes) == (store.digest(repo), wishes):
            return "\n".join((*lines, f"nothing new is stored since {past.ended_at:%Y-%m-%d}"))
        try:
            with tempfile.TemporaryDirectory() as folder:
                pairs = build(store, repo, settings, Path(folder))
        except SourceError as error:
            return "\n".join((*lines, f"nothing can be learned yet: {error}"))
    remarks = remarks_of(pairs)
    new = len(remarks - ledger.learned())
    lines.append(f"stored: {len(remarks)} accepted remarks, {new} of them new")
    few = too_few(new, settings.retrain.min_new, past, wishes)
    return "\n".join((*lines, *([few] if few else _cost(pairs, settings, home))))


def _at_source(store: Store, repo: str, home: Path) -> SaveTally:
    tally = SaveTally()
    for mined in store.sources():
        if mined.repo == repo:
            source, _ = open_source(mined.where, mined.clone, repo, home)
            go_on(store, source)
            tally += store.compare(mined.source, repo, source.fetch(None, None))
    return tally


def _live(home: Path, repo: str) -> str:
    try:
        live = Registry(home).current(repo)
    except AdapterError as error:
        return str(error)
    if live is None:
        return "none yet"
    card = load_card(live)
    return f"made {card.created_at:%Y-%m-%d}, has seen until {known_until(card):%Y-%m-%d}"


def _cost(pairs: tuple[Pair, ...], settings: Settings, home: Path) -> list[str]:
    if settings.train.mode == "retrieval":
        return ["would remember them anew: seconds, no weights"]
    from finetune.augment import augment
    from finetune.base_model import find_base
    from finetune.training.train import estimated, prepare

    base = find_base(settings.train.base, home)
    grown = augment(pairs, settings.augment, settings.train.seed)
    return [plan_text(estimated(prepare(grown.pairs, settings.train, base))), MEASURING]
