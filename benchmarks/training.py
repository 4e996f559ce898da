"""Our training loop beside TRL's SFTTrainer: the same pairs, batches, base, precision and steps.

    python -m benchmarks.training PAIRS.jsonl --steps 10 --out training.jsonl

LoRA on the embedded base in bf16, rank 16 on all linear layers, 16 pairs a step, linear schedule.
TRL is set up as its documentation does (activation checkpointing and bf16 on, 8 pairs a device,
loss on the completion), with and without checkpointing; ours with its defaults and with a
low-memory setting. Everyone gets the batches in the same order, in a process of its own; tokens
are those of the pairs, padding not counted; memory is the resident set's high-water mark. The
held-out loss is measured on everyone's model by the same code. Needs `pip install trl`. Results
are appended to --out and what is there is not measured again; the last line compares.
"""

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import click

from benchmarks.training_study import token_loss
from finetune.processor import SPINS, prepare_processor
from postil.settings import TrainSettings, postil_home

OURS, THRIFTY, TRL, TRL_KEEPS = "postil", "postil, low memory", "trl", "trl, no checkpointing"
SETTINGS: dict[str, dict[str, Any]] = {
    OURS: {},
    THRIFTY: {"checkpointing": True, "micro_tokens": 512},
    TRL: {},
    TRL_KEEPS: {"gradient_checkpointing": False},
}
COMMON = TrainSettings(
    mode="lora", dropout=0.0, max_length=512, learning_rate=5e-4, schedule="linear", warmup=0.0
)
PAIRS, HELD_OUT, A_DEVICE = 400, 60, 8


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="JSON lines.")
@click.option("--steps", default=10, show_default=True)
@click.option("--only", type=click.Choice([*SETTINGS]), multiple=True, help="Default: all.")
@click.option("--here", hidden=True, help="Who is measured in this process.")
def compare(file: Path, out: Path, steps: int, only: tuple[str, ...], here: str | None) -> None:
    """Measure everyone, one after another, and print the ratios."""
    if here is not None:
        click.echo(json.dumps(measure(file, here, steps)))
        return
    for name in only or SETTINGS:
        if name not in rows(out, steps):
            command = [sys.executable, "-m", "benchmarks.training", *sys.argv[1:], "--here", name]
            environment = {**os.environ, "GOMP_SPINCOUNT": SPINS, "TRANSFORMERS_OFFLINE": "1"}
            told = subprocess.run(
                command, check=True, stdout=subprocess.PIPE, text=True, env=environment
            ).stdout
            with out.open("a", encoding="utf-8") as results:
                results.write(told.splitlines()[-1] + "\n")
            click.echo(told.splitlines()[-1])
    found = rows(out, steps)
    if {OURS, THRIFTY, TRL} <= found.keys():
        click.echo(json.dumps(ratios(found)))


def rows(out: Path, steps: int) -> dict[str, dict[str, Any]]:
    """What was measured for so many steps, by name."""
    lines = out.read_text().splitlines() if out.exists() else []
    return {row["who"]: row for row in map(json.loads, lines) if row["steps"] == steps}


def ratios(found: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Ours beside TRL's: speed, memory, loss."""
    trl = found[TRL]
    result: dict[str, Any] = {"compared": "with TRL's SFTTrainer"}
    for name in (OURS, THRIFTY):
        ours = found[name]
        result[name] = {
            "times_its_tokens_per_cpu_s": round(
                ours["tokens_per_cpu_s"] / trl["tokens_per_cpu_s"], 2
            ),
            "times_its_peak": round(ours["peak_mb"] / trl["peak_mb"], 2),
            "times_its_memory_above_the_model": round(
                (ours["peak_mb"] - ours["loaded_mb"]) / (trl["peak_mb"] - trl["loaded_mb"]), 2
            ),
            "held_out_loss_over_its": round(ours["held_out_loss"] / trl["held_out_loss"], 4),
        }
    return result


def measure(file: Path, who: str, steps: int) -> dict[str, Any]:
    """One contestant's run."""
    if who in (OURS, THRIFTY):
        prepare_processor()  # before torch is loaded
    from finetune.base_model import find_base
    from finetune.foreign_pairs import read_any_pairs
    from finetune.loaded_base import load_tokenizer
    from finetune.training.batches import batches
    from finetune.training.memory import Meter
    from finetune.training.samples import Chat

    pairs = read_any_pairs(file)
    chat = Chat(load_tokenizer(base := find_base(COMMON.base, postil_home(os.environ))))
    train = plain_samples(chat, [p for p in pairs if p.split == "train"][:PAIRS])
    held = plain_samples(chat, [p for p in pairs if p.split == "validation"][:HELD_OUT])
    order = list(islice(batches(train, COMMON.batch, COMMON.seed), steps))
    meter = Meter("cpu")
    start = start_ours if who in (OURS, THRIFTY) else start_trl
    model, go = start(base, order, SETTINGS[who], steps)
    before = token_loss(model, held)
    model.train()
    meter.reset()
    loaded, cpu, wall = meter.used(), time.process_time(), time.monotonic()
    go()
    tokens = sum(len(sample.ids) for batch in order for sample in batch)
    spent = time.process_time() - cpu
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "who": who,
        "steps": steps,
        "tokens": tokens,
        "tokens_per_cpu_s": round(tokens / spent, 1),
        "tokens_per_s": round(tokens / (time.monotonic() - wall), 1),
        "loaded_mb": round(loaded / 1e6),
        "peak_mb": round(meter.peak() / 1e6),
        "held_out_loss_before": before,
        "held_out_loss": token_loss(model, held),
    }


def plain_samples(chat: Any, pairs: list[Any]) -> list[Any]:
    """Samples in which every token of an answer counts the same, as in TRL's loss."""
    import msgspec

    from finetune.training.samples import IGNORE, make_sample

    made = [make_sample(chat, p.instruction, p.response, COMMON.max_length) for p in pairs]
    samples = []
    for sample in filter(None, made):
        answer = next(at for at, label in enumerate(sample.labels) if label != IGNORE)
        labels = (*[IGNORE] * answer, *sample.ids[answer:])
        samples.append(msgspec.structs.replace(sample, labels=labels))
    mean = sum(sample.learned for sample in samples) / len(samples)
    return [
        msgspec.structs.replace(s, weights=tuple((la != IGNORE) / mean for la in s.labels))
        for s in samples
    ]


def start_ours(base: Any, order: list[Any], change: dict[str, Any], steps: int) -> Any:
    """A loop over exactly these batches."""
    import msgspec

    from finetune.training.loop import Loop
    from finetune.training.losses import packs_cleanly
    from finetune.training.team import Team
    from finetune.training.train import load_trainable

    settings = msgspec.structs.replace(COMMON, **change)
    model = load_trainable(base, settings, Team())
    loop = Loop(model, settings, packed=packs_cleanly(model, order[0], "cpu"))

    def go() -> None:
        for step, batch in enumerate(order, 1):
            loop._step(batch, step, steps)

    return model, go


def start_trl(base: Any, order: list[Any], change: dict[str, Any], steps: int) -> Any:
    """SFTTrainer on the same token ids, taken in order."""
    import torch
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl.trainer.sft_config import SFTConfig
    from trl.trainer.sft_trainer import SFTTrainer

    from finetune.training.samples import IGNORE

    load: Any = AutoModelForCausalLM.from_pretrained
    rows = [
        {
            "input_ids": list(sample.ids),
            "completion_mask": [int(label != IGNORE) for label in sample.labels],
        }
        for batch in order
        for sample in batch
    ]
    config: Any = SFTConfig
    arguments = config(
        output_dir=tempfile.mkdtemp(),
        max_length=COMMON.max_length,
        max_steps=steps,
        per_device_train_batch_size=A_DEVICE,
        gradient_accumulation_steps=COMMON.batch // A_DEVICE,
        learning_rate=COMMON.learning_rate,
        lr_scheduler_type="linear",
        train_sampling_strategy="sequential",
        completion_only_loss=True,
        save_strategy="no",
        report_to="none",
        use_cpu=True,
        disable_tqdm=True,
        seed=COMMON.seed,
        **change,
    )
    lora = LoraConfig(
        r=COMMON.rank,
        lora_alpha=COMMON.alpha,
        lora_dropout=COMMON.dropout,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )
    trainer: Any = SFTTrainer(
        model=load(base.folder, dtype=torch.bfloat16),
        args=arguments,
        train_dataset=Dataset.from_list(rows),
        processing_class=AutoTokenizer.from_pretrained(base.folder),
        peft_config=lora,
    )
    return trainer.model, trainer.train


if __name__ == "__main__":
    compare()
