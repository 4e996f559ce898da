"""What an adapter proves on a repository's later reviews: train, evaluate, one row a seed.

    postil mine --source gerrit:CLONE --repo repo --until 2023-12-31
    postil dataset build --repo repo
    python -m benchmarks.results PAIRS.jsonl --out results.jsonl --seed 1 --seed 2 --seed 3

--mode retrieval measures the adapter that needs no training, in seconds and on all windows.
--pairs is the study size: the newest so many training pairs, half of them silences; 0 is all. The
test part is read once a row, after the settings stand. Two controls must find nothing: `labels`
draws anew, in every part, which windows carry remarks (ROC-AUC must cover 0.5), `remarks` gives
every remark to another window (four-way choice must cover 0.25). Labels of the test part are drawn
anew as well: what is learned from noise still orders windows by some trait, such as their size,
which real labels follow for or against, so that one drawing of the other parts tells nothing.
Rows found in --out are skipped, so a killed run goes on; an interrupted training does as well.
"""

import os
import platform
import random
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import click
from msgspec.structs import replace

from finetune.adapters import Registry
from finetune.cards import load_card
from finetune.evaluation.judgement import judge
from finetune.evaluation.kept import keep_evaluation
from finetune.evaluation.plan import MEASURED, Limits
from finetune.evaluation.proof import prove
from finetune.evaluation.readings import Progress
from finetune.evaluation.scorecard import Scorecard
from finetune.evaluation.tables import render_interval
from finetune.processor import prepare_processor
from finetune.retrieval import make_retrieval
from finetune.training.progress import show_run, stages
from postil.answer import Anchor, Remark, parse_answer, render_answer, row_letter
from postil.records import Pair, Record, read_jsonl, write_jsonl
from postil.settings import Settings, TrainSettings, postil_home

MODES = ("lora", "retrieval")
CONTROLS = ("none", "labels", "remarks")
SYSTEMS = (
    "adapter",
    "adapter, model alone",
    "base",
    "base, model alone",
    "size alone",
    "cheap features alone",
    "retrieval",
    "always",
)
TEXTS = ("adapter", "base", "retrieval", "constant remark", "random remark", "human")


class Asked(Record, frozen=True, kw_only=True):
    """What a row is of; the same is measured once."""

    train: TrainSettings
    pairs: int
    silences: int
    control: str
    samples: int = 40


class Row(Record, frozen=True, kw_only=True):
    """One training and its proof."""

    date: str
    machine: str
    asked: Asked
    trained_on: int
    scorecard: Scorecard


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="JSON lines.")
@click.option("--seed", "seeds", type=int, multiple=True, default=(7,), show_default=True)
@click.option("--mode", type=click.Choice(MODES), default="lora", show_default=True)
@click.option("--pairs", default=0, show_default=True, help="Training pairs; 0: all.")
@click.option("--rate", default=1e-3, show_default=True, help="Learning rate.")
@click.option("--epochs", default=2.0, show_default=True)
@click.option("--max-length", default=1024, show_default=True)
@click.option(
    "--silences",
    default=600,
    show_default=True,
    help="Silent windows read of the test part, and of the calibration part; 0: all.",
)
@click.option(
    "--samples", default=40, show_default=True, help="Test remarks for which words are written."
)
@click.option("--control", type=click.Choice(CONTROLS), default="none", show_default=True)
def results(
    file: Path,
    out: Path,
    seeds: tuple[int, ...],
    mode: Literal["lora", "retrieval"],
    pairs: int,
    rate: float,
    epochs: float,
    max_length: int,
    silences: int,
    samples: int,
    control: str,
) -> None:
    """Measure every seed that is not in --out yet, and print all rows as tables."""
    prepare_processor()
    done = list(read_jsonl(out, Row)) if out.exists() else []
    read = tuple(read_jsonl(file, Pair))
    for seed in seeds:
        train = TrainSettings(
            mode=mode,
            learning_rate=rate,
            batch=4,
            epochs=epochs,
            evaluations=1,
            max_length=max_length,
            seed=seed,
        )
        asked = Asked(train=train, pairs=pairs, silences=silences, control=control, samples=samples)
        if any(row.asked == asked for row in done):
            continue
        done.append(measure(newest(permuted(read, control, seed), pairs), asked))
        write_jsonl(out, done)
    for row in done:
        click.echo(table(row))


def measure(pairs: Sequence[Pair], asked: Asked) -> Row:
    """Make and prove an adapter; the report is kept in POSTIL_HOME."""
    home, settings, repo = postil_home(os.environ), Settings(train=asked.train), pairs[0].repo
    limits = replace(MEASURED, silences=asked.silences or None, samples=asked.samples)
    with stages() as progress:
        folder = make(pairs, settings, home, progress, limits)
        card = prove(folder, pairs, settings, home, progress, limits=limits)
    keep_evaluation(home, repo, folder, card)
    return Row(
        date=f"{datetime.now(UTC):%Y-%m-%d}",
        machine=f"{platform.machine()}, {os.cpu_count()} cores",
        asked=asked,
        trained_on=load_card(folder).pairs,
        scorecard=replace(card, samples=(), mistakes=()),
    )


def make(
    pairs: Sequence[Pair], settings: Settings, home: Path, progress: Progress, limits: Limits
) -> Path:
    """An adapter in the registry, with weights or without."""
    registry, repo = Registry(home), pairs[0].repo
    if settings.train.mode == "retrieval":
        return make_retrieval(pairs, settings, registry, repo, progress).folder
    from finetune.base_model import find_base  # draws in torch, which retrieval does not need
    from finetune.making import make_adapter

    base = find_base(settings.train.base, home)
    return make_adapter(
        pairs, settings, base, registry, repo, show_run, progress, limits=limits
    ).folder


def newest(pairs: Sequence[Pair], count: int) -> tuple[Pair, ...]:
    """The pairs with so many of the training part, half of each kind."""
    if not count:
        return tuple(pairs)
    kept: set[str] = set()
    for kind in ("remark", "silence"):
        trained = [pair.id for pair in pairs if (pair.split, pair.kind) == ("train", kind)]
        kept |= set(trained[-(count // 2) :])
    return tuple(pair for pair in pairs if pair.split != "train" or pair.id in kept)


def permuted(pairs: Sequence[Pair], control: str, seed: int) -> tuple[Pair, ...]:
    """The pairs as a control wants them."""
    if control == "none":
        return tuple(pairs)
    parts = ("train", "validation", "calibration", "test")
    kinds = ("remark",) if control == "remarks" else ("remark", "silence")
    draw = random.Random(seed)
    changed: dict[str, Pair] = {}
    for part in parts:
        places = [
            p for p in pairs if p.split == part and p.kind in kinds and p.window and p.located
        ]
        answers = draw.sample(places, len(places))
        changed |= {p.id: _answered(p, a, draw) for p, a in zip(places, answers, strict=True)}
    return tuple(changed.get(pair.id, pair) for pair in pairs)


def _answered(place: Pair, answer: Pair, draw: random.Random) -> Pair:
    """A window with the answer that another drew, on one of its changed rows."""
    remark = parse_answer(answer.response)
    if remark is None or place.window is None:
        return replace(place, kind=answer.kind, response=answer.response)
    rows = [row for row, line in enumerate(place.window.lines, 1) if line.kind != " "]
    row = draw.choice(rows or [1])
    side = row_letter(place.window.lines[row - 1].kind)
    moved = Remark(anchor=Anchor(side=side, start=row, end=row), message=remark.message)
    return replace(place, kind=answer.kind, response=render_answer(moved), author=answer.author)


def table(row: Row) -> str:
    """One row of the results, as Markdown."""
    card, train = row.scorecard, row.asked.train
    failed = [check.name for check in judge(card) if not check.passed]
    return (
        f"\n**{card.adapter}**, {row.date}, {row.machine}: {train.mode}, seed {train.seed},"
        f" {row.trained_on} pairs, control: {row.asked.control}; {card.counts.remarks} remarks"
        f" in {card.counts.scored} windows\n\n{table_of(card)}\n"
        f"Promotion: {'; '.join(failed) or 'passed'}"
    )


def table_of(card: Scorecard) -> str:
    """What was measured on an adapter, as Markdown."""
    systems = [system for system in card.systems if system.name in SYSTEMS]
    texts = [text for text in card.text if text.name in TEXTS or text.name.startswith("adapter")]
    chosen = [*card.engines, *(choice for choice in card.choices if choice.name != "base")]
    where = ("auc", "average_precision", "precision", "recall", "comments_per_pull")
    rows = [
        *_rows("where to speak", systems, where),
        *_rows("four-way choice", chosen, ("four_way",)),
        *_rows("words", texts, ("chrf", "spoken", "top_share")),
    ]
    gated = [one for one in systems if one.name == "adapter" and one.calibration]
    for one in gated:
        assert one.calibration is not None
        rows.append(
            f"Gate: expected calibration error {render_interval(one.calibration.error)},"
            f" Brier skill {render_interval(one.calibration.skill)}\n"
        )
    return "\n".join(rows)


def _rows(title: str, scores: Sequence[Any], fields: Sequence[str]) -> list[str]:
    """A Markdown table with a row for each score."""
    head = f"| {' | '.join((title, *fields))} |"
    cells = ([_cell(getattr(one, field)) for field in fields] for one in scores)
    rows = [
        f"| {' | '.join((one.name, *figures))} |"
        for one, figures in zip(scores, cells, strict=True)
    ]
    return [head, "|---" * (len(fields) + 1) + "|", *rows, ""]


def _cell(value: Any) -> str:
    return f"{value:.2f}" if isinstance(value, float) else render_interval(value)


if __name__ == "__main__":
    results()
