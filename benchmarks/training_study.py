"""Full fine-tuning, LoRA and QLoRA, ranks and learning rates on the same pairs, one after another.

    python -m benchmarks.training_study PAIRS.jsonl --out study.jsonl

One epoch of the newest --pairs training pairs (half of them silences). Measured on the calibration
part, never on the test part: held-out loss of remarks in nats a token. What was forgotten: the
perplexity a token of code of the standard library and of English prose (licences of the installed
packages) before and after. Every row is a process of its own, so its peak memory is its own; it is
appended to --out, and rows found there are skipped, so a killed study goes on.
"""

import json
import math
import os
import platform
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from finetune.processor import prepare_processor
from postil.settings import TrainSettings, postil_home

BARE = {"bare base in NF4": "qlora", "bare base in 16 bits": "lora"}
"""What the others are to be compared with: the rows that hold their base alike."""
LITTLE: dict[str, Any] = {"checkpointing": True, "micro_tokens": 512}
ROWS: dict[str, dict[str, Any]] = {
    **{name: {"mode": mode} for name, mode in BARE.items()},
    "full, 2e-5": {"mode": "full", "learning_rate": 2e-5},
    "full, 1e-4": {"mode": "full", "learning_rate": 1e-4},
    "lora, rank 16, 5e-4": {"mode": "lora", "learning_rate": 5e-4},
    "qlora, rank 16, 5e-4": {"mode": "qlora", "learning_rate": 5e-4},
    "qlora, rank 8, 5e-4": {"mode": "qlora", "rank": 8, "alpha": 16, "learning_rate": 5e-4},
    "qlora, rank 32, 5e-4": {"mode": "qlora", "rank": 32, "alpha": 64, "learning_rate": 5e-4},
    "qlora, rank 16, 2e-3": {"mode": "qlora", "learning_rate": 2e-3},
    "qlora packed in 4 bits, rank 16, 5e-4": {
        "mode": "qlora",
        "learning_rate": 5e-4,
        "unpacked": False,
    },
    "full, 2e-5, little memory": {"mode": "full", "learning_rate": 2e-5, **LITTLE},
    "qlora, rank 16, 5e-4, little memory": {
        "mode": "qlora",
        "learning_rate": 5e-4,
        "unpacked": False,
        **LITTLE,
    },
}
PIECES = 60
"""Of code, and of prose, whose perplexity is taken."""


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="JSON lines.")
@click.option("--pairs", default=400, show_default=True, help="Training pairs.")
@click.option("--max-length", default=512, show_default=True, help="Tokens of a pair.")
@click.option("--row", "rows", type=click.Choice([*ROWS]), multiple=True, help="Default: all.")
@click.option("--seed", default=7, show_default=True)
@click.option("--here", hidden=True, help="The row to measure in this process.")
def study(
    file: Path,
    out: Path,
    pairs: int,
    max_length: int,
    rows: tuple[str, ...],
    seed: int,
    here: str | None,
) -> None:
    """Measure every row that is not in --out yet."""
    if here is not None:
        click.echo(json.dumps(measure(file, here, pairs, max_length, seed)))
        return
    known = out.read_text().splitlines() if out.exists() else []
    done = {(row["row"], row["pairs"], row["seed"]) for row in map(json.loads, known)}
    for row in rows or ROWS:
        if (row, pairs, seed) in done:
            continue
        command = [sys.executable, "-m", "benchmarks.training_study", *sys.argv[1:], "--here", row]
        told = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        line = told.splitlines()[-1]
        with out.open("a", encoding="utf-8") as results:
            results.write(line + "\n")
        click.echo(line)


def measure(file: Path, row: str, count: int, max_length: int, seed: int) -> dict[str, Any]:
    """Train one row and measure it."""
    prepare_processor()  # before torch is loaded
    from finetune.base_model import find_base
    from finetune.engines.local import LocalEngine
    from finetune.evaluation.forgetting import plain_texts
    from finetune.foreign_pairs import read_any_pairs
    from finetune.loaded_base import load_tokenizer
    from finetune.training.memory import Meter
    from finetune.training.samples import Chat, make_samples
    from finetune.training.train import estimated, prepare, run, save_weights

    pairs = read_any_pairs(file)
    chosen: list[Any] = []
    for kind in ("remark", "silence"):
        chosen += [p for p in pairs if (p.split, p.kind) == ("train", kind)][-count // 2 :]
    asked = [p for p in pairs if (p.split, p.kind) == ("calibration", "remark")]
    settings = TrainSettings(max_length=max_length, epochs=1, seed=seed, **ROWS[row])
    base = find_base(settings.base, postil_home(os.environ))
    meter = Meter("cpu")
    found: dict[str, Any] = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "row": row,
        "pairs": count,
        "seed": seed,
    }
    prepared = prepare(chosen, settings, base)
    loop, plan = prepared.loop, prepared.plan
    chat = Chat(load_tokenizer(base))
    held = make_samples(chat, asked, max_length).samples
    if row not in BARE:
        estimate = estimated(prepared).estimate
        assert estimate is not None
        meter.reset()
        loaded, cpu, wall = meter.used(), time.process_time(), time.monotonic()
        done = run(prepared, None, lambda _: None)
        with tempfile.TemporaryDirectory() as folder:
            found |= {
                "trainable_share": round(plan.trainable / plan.total, 5),
                "steps": done.steps,
                "tokens": done.tokens,
                "cpu_s": round(time.process_time() - cpu, 1),
                "wall_s": round(time.monotonic() - wall, 1),
                "estimated_wall_s": round(estimate.seconds, 1),
                "before_mb": round(loaded / 1e6),
                "peak_mb": round(meter.peak() / 1e6),
                "estimated_peak_mb": round(estimate.peak / 1e6),
            }
            save_weights(loop.model, Path(folder))
            weights = Path(folder).glob("*.safetensors")
            found["saved_mb"] = round(sum(path.stat().st_size for path in weights) / 1e6, 1)
    found["remark_loss"] = token_loss(loop.model, held)
    engine = LocalEngine.over(loop.model, chat, "cpu", max_length)
    texts = plain_texts(PIECES)
    for kind in ("code", "prose"):
        read = engine.plain_loss([text.text for text in texts if text.kind == kind])
        mean = sum(nats for nats, _ in read) / sum(tokens for _, tokens in read)
        found[f"{kind}_perplexity"] = round(math.exp(mean), 3)
    return found


def token_loss(model: Any, samples: list[Any]) -> float:
    """Nats a token over whole answers."""
    import torch

    from finetune.training.batches import collate
    from finetune.training.losses import answer_losses

    model.eval()
    with torch.no_grad():
        parts = [answer_losses(model, collate([sample], "cpu"))[0] for sample in samples]
    return round(float(torch.cat(parts).mean()), 4)


if __name__ == "__main__":
    study()
