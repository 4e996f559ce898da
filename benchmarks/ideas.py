"""Ideas for learning where to speak and what to say, side by side, away from the test part.

    python -m benchmarks.ideas PAIRS.jsonl --out ideas.jsonl [--more MORE.jsonl] [--pool P.jsonl]

Every idea trains the same base on the newest `--pairs` training pairs at the same settings.
Measured on what is no test: four-way choice and loss over the remarks of the early-stopping and
calibration parts, ROC-AUC of speaking over the windows of the calibration part, each with a 95 %
interval by pull request. One JSON line a run, appended to --out; runs found there are skipped.

    as shipped   the plain loss
    ranking      beside it, a remark must be likelier behind its own window than another remark is,
                 each against what it is likely to be anywhere (softmax over the two)
    precedents   half of the questions show older remarks on similar code; asked both ways
    silences     four times the silences (--more: the same dataset built with more of them)
    pooled       the pairs of another repository (--pool) are learned first
    longer       four epochs
"""

import json
import os
import platform
import random
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import msgspec
from msgspec.structs import replace

from benchmarks.results import newest
from finetune.processor import prepare_processor
from postil.answer import Remark, parse_answer, render_answer
from postil.prompt import render_empty_question
from postil.records import Pair, read_jsonl
from postil.settings import Settings, TrainSettings, postil_home

IDEAS = ("bare base", "as shipped", "ranking", "precedents", "silences", "pooled", "longer")
SHARP = 10.0
"""A lead of a tenth of a nat a token is e to one."""


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="JSON lines.")
@click.option("--more", type=click.Path(path_type=Path), help="Pairs with more silences.")
@click.option("--pool", type=click.Path(path_type=Path), help="Pairs of another repository.")
@click.option("--idea", "ideas", type=click.Choice(IDEAS), multiple=True, help="Default: all.")
@click.option("--pairs", "size", default=400, show_default=True, help="Training pairs.")
@click.option("--rate", default=1e-3, show_default=True, help="Learning rate.")
@click.option("--seed", default=7, show_default=True)
@click.option("--max-length", default=512, show_default=True)
@click.option("--silences", default=300, show_default=True, help="Calibration silences scored.")
def compare(
    file: Path,
    out: Path,
    more: Path | None,
    pool: Path | None,
    ideas: tuple[str, ...],
    size: int,
    rate: float,
    seed: int,
    max_length: int,
    silences: int,
) -> None:
    """Train and measure every idea that is not in --out yet."""
    prepare_processor()  # before torch is loaded
    read = tuple(read_jsonl(file, Pair))
    train = TrainSettings(
        mode="lora", learning_rate=rate, batch=4, epochs=1, max_length=max_length, seed=seed
    )
    lines = out.read_text().splitlines() if out.exists() else []
    done = {(row["idea"], row["pairs"], row["seed"]) for row in map(json.loads, lines)}
    for idea in ideas or IDEAS:
        if (idea, size, seed) in done or (idea == "silences" and not more):
            continue
        if idea == "pooled" and not pool:
            continue
        found = _learned(idea, read, train, size, more, pool)
        line = {
            "date": f"{datetime.now(UTC):%Y-%m-%d}",
            "machine": f"{platform.machine()}, {os.cpu_count()} cores",
            "idea": idea,
            "pairs": size,
            "seed": seed,
            **_measured(idea, read, found, train, silences),
        }
        with out.open("a", encoding="utf-8") as file_:
            file_.write(json.dumps(line) + "\n")
        click.echo(json.dumps(line))


def _learned(
    idea: str,
    pairs: Sequence[Pair],
    train: TrainSettings,
    size: int,
    more: Path | None,
    pool: Path | None,
) -> tuple[tuple[Pair, ...], TrainSettings]:
    """What is trained on, and how."""
    from finetune.precedents import show_precedents

    learned = newest(pairs, size)
    if idea == "precedents":
        learned = tuple(show_precedents(learned))
    if idea == "silences" and more:
        first = min(p.decided_at for p in learned if p.split == "train" and p.decided_at)
        learned = (
            *(p for p in learned if (p.split, p.kind) != ("train", "silence")),
            *(
                p
                for p in read_jsonl(more, Pair)
                if (p.split, p.kind) == ("train", "silence")
                and p.decided_at
                and p.decided_at >= first
            ),
        )
    if idea == "pooled" and pool:
        others = (replace(p, split="train") for p in read_jsonl(pool, Pair) if p.split == "train")
        learned = (*others, *learned)
    return learned, replace(train, epochs=4) if idea == "longer" else train


def _with_precedents(pair: Pair, recall: Any) -> Pair:
    if pair.window is None:
        return pair
    from finetune.ways import with_precedents

    shown = with_precedents(recall, pair.window, pair.decided_at)
    return replace(pair, instruction=shown)


def _measured(
    idea: str,
    pairs: Sequence[Pair],
    learned: tuple[tuple[Pair, ...], TrainSettings],
    train: TrainSettings,
    silences: int,
) -> dict[str, Any]:
    """Train, measure, and throw the weights away."""
    from finetune.base_model import find_base
    from finetune.engines.local import LocalEngine
    from finetune.making import describe, scoring_precision
    from finetune.training.train import prepare, save_weights

    base = find_base(train.base, postil_home(os.environ))
    precision = scoring_precision(Settings(train=train))
    opening: dict[str, Any] = {"precision": precision, "max_length": 1024}
    if idea == "bare base":
        return read(LocalEngine(base, None, **opening), pairs, silences)
    prepared = prepare(learned[0], learned[1], base)
    if idea == "ranking":
        _rank(prepared, base, learned[0])
    if idea == "pooled":
        prepared.train.sort(key=lambda sample: sample.name in {p.id for p in pairs})
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        done = prepared.loop.run(prepared.train, prepared.held_out, lambda _: None)
        save_weights(prepared.loop.model, folder)
        card = describe(learned[0], Settings(train=train), base, "repo", prepared.plan, done)
        plan = prepared.plan
        del prepared
        engine = LocalEngine(base, folder, card=card, **opening)
        found = read(engine, pairs, silences)
        if idea == "precedents":
            from finetune.recall import Recall, index_entries

            recall = Recall(index_entries(learned[0]))
            asked = [p if p.split == "train" else _with_precedents(p, recall) for p in pairs]
            shown = read(engine, asked, silences)
            found |= {f"shown_{name}": value for name, value in shown.items()}
        return {
            "trained_on": plan.pairs,
            "tokens": done.tokens,
            "train_s": round(done.seconds),
            "held_out": round(done.best_loss, 3),
            **found,
        }


def _rank(prepared: Any, base: Any, pairs: Sequence[Pair]) -> None:
    """Let every step of a prepared run rank its remarks, too."""
    import torch

    from finetune.engines.local import LocalEngine
    from finetune.loaded_base import load_tokenizer
    from finetune.making import scoring_precision
    from finetune.training.batches import collate
    from finetune.training.losses import answer_losses
    from finetune.training.samples import Chat, make_sample

    remarks = {p.id: p for p in pairs if p.kind == "remark"}
    known = {name: parse_answer(p.response) for name, p in remarks.items()}
    precision = scoring_precision(Settings(train=prepared.loop.settings))
    plain = LocalEngine(base, None, precision=precision)
    anchor = "R1\n"
    blind = {
        name: nats / tokens
        for name, (nats, tokens) in zip(
            known,
            plain.loss(
                [render_empty_question()] * len(known),
                [anchor + remark.message for remark in known.values() if remark],
            ),
            strict=True,
        )
    }
    del plain
    chat, draw = Chat(load_tokenizer(base)), random.Random(7)
    names = [p.id for p in pairs if p.kind == "remark" and p.split == "train"]
    usual = prepared.loop._step

    def step(batch: Any, number: int, steps: int) -> Any:
        for sample in batch:
            own = remarks.get(sample.name)
            if own is None:
                continue
            other = draw.choice(names)
            rows = []
            for name in (own.id, other):
                remark, truth = known[name], known[own.id]
                assert remark and truth
                text = render_answer(Remark(anchor=truth.anchor, message=remark.message))
                made = make_sample(chat, own.instruction, text, 512)
                rows += [made] if made else []
            if other == own.id or len(rows) < 2:
                continue
            losses, _ = answer_losses(prepared.loop.model, collate(rows, "cpu"))
            first, second = torch.split(losses, [row.learned for row in rows])
            lead = (blind[own.id] - first.mean()) - (blind[other] - second.mean())
            loss = torch.nn.functional.softplus(-SHARP * lead) / len(batch)
            loss.backward()  # type: ignore[no-untyped-call]
        return usual(batch, number, steps)

    prepared.loop._step = step


def read(engine: Any, pairs: Sequence[Pair], silences: int) -> dict[str, Any]:
    """Four-way choice, loss of remarks and AUC of speaking, each with its 95 % interval."""
    from finetune.evaluation.metrics import Bootstrap, Ranking, mean_of
    from finetune.evaluation.plan import Limits, make_plan
    from finetune.evaluation.readings import score_pairs
    from finetune.features import pull_of
    from finetune.weighing import weigh

    plan = make_plan(pairs, Limits(silences=silences))
    windows = plan.calibration
    speak = score_pairs(engine, windows)
    ranking = Ranking([speak[p.id] for p in windows], [p.kind == "remark" for p in windows])
    drawn = Bootstrap([pull_of(p) for p in windows], [plan.weights[p.id] for p in windows])
    apart = [
        replace(p, split="test")
        for p in pairs
        if p.split in ("validation", "calibration") and p.kind == "remark"
    ]
    questions = make_plan(apart, Limits(silences=0)).questions
    losses = engine.loss(
        [q.pair.instruction for q in questions], [q.pair.response for q in questions]
    )
    each = [nats / tokens if tokens else 0.0 for nats, tokens in losses]
    choices = [
        weigh(engine, q.pair.instruction, q.human.anchor, q.choices) if q.choices else ()
        for q in questions
    ]
    right = [float(bool(choice) and choice[0] == max(choice)) for choice in choices]
    asked = Bootstrap([pull_of(q.pair) for q in questions])
    return {
        "four_way": msgspec.to_builtins(asked.interval(mean_of(right))),
        "loss": msgspec.to_builtins(asked.interval(mean_of(each, [n for _, n in losses]))),
        "auc": msgspec.to_builtins(drawn.interval(ranking.auc)),
        "remarks": len(questions),
    }


if __name__ == "__main__":
    compare()
