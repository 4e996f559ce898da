"""What an adapter proves on a repository's later reviews: train, evaluate, one row a seed.

    postil mine --source gerrit:CLONE --repo repo --until 2023-12-31
    postil dataset build --repo repo
    python -m benchmarks.results PAIRS.jsonl --out results.jsonl --seed 1 --seed 2 --seed 3

--pairs is the study size: the newest so many training pairs, half of them silences; 0 is all. The
test part is read once a row, after the settings stand. Two controls must find nothing: `labels`
draws anew which windows of the other parts carry remarks (ROC-AUC must cover 0.5), `remarks`
gives every remark, the tested ones too, to another window (four-way choice must cover 0.25).
Rows found in --out are skipped, so a killed run goes on; an interrupted training does as well.
"""

import json
import os
import platform
import random
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import msgspec
from msgspec.structs import replace

from finetune.processor import prepare_processor
from finetune.training.progress import show_run, stages
from postil.answer import Anchor, Remark, parse_answer, render_answer, row_letter
from postil.records import Pair, read_jsonl
from postil.settings import Settings, TrainSettings, postil_home

CONTROLS = ("none", "labels", "remarks")
SYSTEMS = ("adapter", "base", "size alone", "cheap features alone", "retrieval", "always")
TEXTS = ("adapter", "base", "retrieval", "constant remark", "random remark", "human")


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="JSON lines.")
@click.option("--seed", "seeds", type=int, multiple=True, default=(7,), show_default=True)
@click.option("--pairs", default=0, show_default=True, help="Training pairs; 0: all.")
@click.option("--mode", default="lora", show_default=True)
@click.option("--rate", default=1e-3, show_default=True, help="Learning rate.")
@click.option("--batch", default=4, show_default=True)
@click.option("--epochs", default=2.0, show_default=True)
@click.option("--max-length", default=1024, show_default=True)
@click.option("--silences", default=600, show_default=True, help="Silent test windows read.")
@click.option("--control", type=click.Choice(CONTROLS), default="none", show_default=True)
def results(
    file: Path,
    out: Path,
    seeds: tuple[int, ...],
    pairs: int,
    mode: str,
    rate: float,
    batch: int,
    epochs: float,
    max_length: int,
    silences: int,
    control: str,
) -> None:
    """Measure every seed that is not in --out yet, and print the rows as a table."""
    prepare_processor()
    known = out.read_text().splitlines() if out.exists() else []
    read = tuple(read_jsonl(file, Pair))
    for seed in seeds:
        train = msgspec.convert(
            {
                "mode": mode,
                "learning_rate": rate,
                "batch": batch,
                "epochs": epochs,
                "max_length": max_length,
                "seed": seed,
            },
            TrainSettings,
        )
        asked = {
            "train": msgspec.to_builtins(train),
            "pairs": pairs,
            "silences": silences,
            "control": control,
        }
        if any(json.loads(line)["asked"] == asked for line in known):
            continue
        chosen = newest(permuted(read, control, seed), pairs)
        row = {
            "date": f"{datetime.now(UTC):%Y-%m-%d}",
            "machine": f"{platform.machine()}, {os.cpu_count()} cores",
            "asked": asked,
            **measure(chosen, Settings(train=train), silences),
        }
        with out.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(row) + "\n")
    for line in out.read_text().splitlines():
        click.echo(table(json.loads(line)))


def measure(pairs: Sequence[Pair], settings: Settings, silences: int) -> dict[str, Any]:
    """Train and evaluate; the report is kept in POSTIL_HOME."""
    from finetune.adapters import Registry
    from finetune.base_model import find_base
    from finetune.evaluation.judgement import judge
    from finetune.evaluation.kept import keep_evaluation
    from finetune.evaluation.proof import prove
    from finetune.making import make_adapter

    home = postil_home(os.environ)
    base, registry, repo = find_base(settings.train.base, home), Registry(home), pairs[0].repo
    with stages() as progress:
        made = make_adapter(pairs, settings, base, registry, repo, show_run, progress)
        card = prove(made.folder, pairs, settings, home, progress, most_silences=silences)
    return {
        "trained_on": made.card.pairs,
        "held_out": [made.done.first_loss, made.done.best_loss],
        "report": keep_evaluation(home, repo, made.folder, card).parent.name,
        "checks": [msgspec.to_builtins(check) for check in judge(card)],
        "scorecard": msgspec.to_builtins(replace(card, samples=(), mistakes=())),
    }


def newest(pairs: Sequence[Pair], count: int) -> tuple[Pair, ...]:
    """The pairs with so many of the training part, half of each kind."""
    if not count:
        return tuple(pairs)
    kept: set[str] = set()
    for kind in ("remark", "silence"):
        kept |= {
            p.id for p in [p for p in pairs if (p.split, p.kind) == ("train", kind)][-count // 2 :]
        }
    return tuple(pair for pair in pairs if pair.split != "train" or pair.id in kept)


def permuted(pairs: Sequence[Pair], control: str, seed: int) -> tuple[Pair, ...]:
    """The pairs as a control wants them."""
    draw = random.Random(seed)
    parts = {"none": (), "labels": ("train", "validation", "calibration")}.get(
        control, ("train", "validation", "calibration", "test")
    )
    kinds = ("remark", "silence") if control == "labels" else ("remark",)
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


def table(row: dict[str, Any]) -> str:
    """One row of the results, as Markdown."""
    card, asked = row["scorecard"], row["asked"]
    lines = [
        f"\n**{row['report']}**, {row['date']}, {row['machine']}: {asked['train']['mode']}, seed"
        f" {asked['train']['seed']}, {row['trained_on']} pairs, control {asked['control']};"
        f" {card['counts']['remarks']} remarks in {card['counts']['scored']} windows\n",
        "| where to speak | ROC-AUC | average precision | precision | recall | comments a PR |",
        "|---|---|---|---|---|---|",
    ]
    for one in _named(card["systems"], SYSTEMS):
        figures = [shown(one[k]) for k in ("auc", "average_precision", "precision", "recall")]
        lines.append(f"| {one['name']} | {' | '.join(figures)} | {one['comments_per_pull']:.2f} |")
    lines += ["", "| four-way choice | |", "|---|---|"]
    lines += [f"| {e['name']} | {shown(e['four_way'])} |" for e in card["engines"]]
    lines += [
        f"| {c['name']} | {shown(c['four_way'])} |" for c in card["choices"] if c["name"] != "base"
    ]
    lines += ["", "| words | chrF | most frequent |", "|---|---|---|"]
    lines += [
        f"| {t['name']} | {shown(t['chrf'], 1)} | {shown(t['top_share'])} |"
        for t in _named(card["text"], TEXTS)
    ]
    failed = [check["name"] for check in row["checks"] if not check["passed"]]
    return "\n".join([*lines, "", f"Promotion: {'; '.join(failed) or 'passed'}"])


def shown(interval: dict[str, float | None], digits: int = 2) -> str:
    """`0.71 [0.62, 0.79]`, or a dash."""
    if interval["value"] is None or interval["low"] is None:
        return "-"
    return (
        f"{interval['value']:.{digits}f}"
        f" [{interval['low']:.{digits}f}, {interval['high']:.{digits}f}]"
    )


def _named(rows: Iterable[dict[str, Any]], names: Sequence[str]) -> list[dict[str, Any]]:
    return [row for row in rows if row["name"] in names]


if __name__ == "__main__":
    results()
