"""Pairs and an adapter -> a backtest; what an earlier run did is taken from its log."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from bot.backtest.choosing import Key, choose_pulls
from bot.backtest.log import ReplayLog, log_path
from bot.backtest.records import Backtest
from bot.backtest.replay import CountTokens, replay
from bot.backtest.totals import add_up
from bot.review import Model
from finetune.evaluation.readings import Progress
from finetune.recall import INDEX_FILE, IndexEntry
from mining.dataset import digest_pairs
from postil.records import AdapterCard, Change, Pair, read_jsonl
from postil.settings import ReviewSettings

Say = Callable[[str], None]
"""Tells a person something on the way."""


def backtest(
    pairs: Sequence[Pair],
    card: AdapterCard,
    adapter: Path,
    model: Model,
    settings: ReviewSettings,
    kept: Path,
    count_tokens: CountTokens,
    *,
    last: int,
    stored: Mapping[Key, Change],
    progress: Progress,
    say: Say,
) -> Backtest:
    """Replay the last pull requests of the test part; `kept` is the folder of the log."""
    pulls = choose_pulls(pairs, last, newest_remark(adapter), stored)
    digest = digest_pairs(pairs)
    log = ReplayLog(log_path(kept, digest, settings))
    before = sum(log.of(pull) is not None for pull in pulls)
    if before:
        say(f"{before} of {len(pulls)} pull requests were replayed before; going on")
    for done, pull in enumerate(pulls, 1):
        if log.of(pull) is None:
            log.append(replay(pull, model, settings, count_tokens))
        progress("pull requests", done, len(pulls))
    replayed = tuple(found for pull in pulls if (found := log.of(pull)))
    return Backtest(
        adapter=model.info.adapter,
        base=model.info.base,
        repo=card.repo,
        threshold=model.info.threshold,
        max_comments=settings.max_comments,
        same_pairs=card.data_sha256 == digest,
        merged_known=all((pull.repo, pull.number) in stored for pull in pulls),
        totals=add_up(replayed),
        pulls=replayed,
    )


def newest_remark(adapter: Path) -> datetime | None:
    """When the newest remark of an adapter's index was decided; None where none has a date."""
    index = adapter / INDEX_FILE
    entries = read_jsonl(index, IndexEntry) if index.exists() else ()
    return max((entry.decided_at for entry in entries if entry.decided_at), default=None)
