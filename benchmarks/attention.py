"""Training steps with torch's fused attention and with `finetune.training.attention`, side by side.

    python -m benchmarks.attention --tokens 200 --rounds 5

The embedded base in NF4, rank 16 on all linear layers, random samples, 4 a step; the two take
turns. Prints medians and their ratio as JSON with machine and date. CPU time, not wall time: the
latter says little on a shared machine.
"""

import json
import os
import platform
import random
import statistics
from datetime import UTC, datetime

import click

from benchmarks.mining import cpu_seconds
from finetune.processor import prepare_processor
from postil.settings import TrainSettings, postil_home

STEPS, BATCH, ANSWER = 5, 4, 15


@click.command()
@click.option("--tokens", default=200, show_default=True, help="Mean length of a sample.")
@click.option("--rounds", default=5, show_default=True, help="The medians are over these.")
def measure(tokens: int, rounds: int) -> None:
    """Take a few optimisation steps in each way, `rounds` times."""
    prepare_processor()  # before torch is loaded
    from finetune.base_model import find_base
    from finetune.loaded_base import load_base
    from finetune.training.attention import NAME, use_short_attention
    from finetune.training.loop import Loop
    from finetune.training.lora import add_lora
    from finetune.training.samples import IGNORE, Sample

    rng = random.Random(7)

    def sample() -> Sample:
        length = rng.randint(tokens * 3 // 4, tokens * 5 // 4)
        ids = tuple(rng.randrange(1000, 40_000) for _ in range(length))
        asked = length - ANSWER
        return Sample(
            ids=ids,
            labels=(*[IGNORE] * asked, *ids[asked:]),
            weights=(*[0.0] * asked, *[1.0] * ANSWER),
        )

    settings = TrainSettings(dropout=0.0, batch=BATCH)
    base = find_base(settings.base, postil_home(os.environ))
    model = add_lora(load_base(base, "nf4"), settings, base.name)
    use_short_attention(model)
    batch = [sample() for _ in range(BATCH)]
    spent: dict[str, list[float]] = {"sdpa": [], NAME: []}
    loop = Loop(model, settings)
    for _ in range(rounds):
        for way, seconds in spent.items():
            model.set_attn_implementation(way)
            loop._step(batch, 1, STEPS)
            seconds.append(cpu_seconds(lambda: [loop._step(batch, 1, STEPS) for _ in range(STEPS)]))
    shown = STEPS * sum(len(one.ids) for one in batch)
    fused, short = (shown / statistics.median(seconds) for seconds in spent.values())
    click.echo(
        json.dumps(
            {
                "date": f"{datetime.now(UTC):%Y-%m-%d}",
                "machine": f"{platform.machine()}, {os.cpu_count()} cores",
                "tokens_a_sample": tokens,
                "fused_tokens_per_cpu_s": round(fused),
                "short_tokens_per_cpu_s": round(short),
                "ratio": round(short / fused, 2),
                "rounds": rounds,
            }
        )
    )


if __name__ == "__main__":
    measure()
