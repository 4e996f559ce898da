"""Is an adapter whose weights were spoilt kept from speaking?

    python -m benchmarks.degraded PAIRS.jsonl ADAPTER --noise 1.0

Gaussian noise, so many times as large as each matrix's own spread, is added to a copy of a
published adapter; gate, index and topics stay. The copy is then measured as `postil evaluate` does,
and the checks of the promotion gate are printed, both adapters' side by side.
"""

import os
from pathlib import Path

import click
import torch
from msgspec.structs import replace
from safetensors.torch import load_file, save_file

from benchmarks.results import table_of
from finetune.adapters import Registry
from finetune.cards import CARD, WEIGHTS, load_card
from finetune.evaluation.judgement import judge
from finetune.evaluation.plan import MEASURED
from finetune.evaluation.proof import prove
from finetune.processor import prepare_processor
from finetune.training.progress import stages
from postil.records import Pair, read_jsonl
from postil.settings import Settings, postil_home


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("adapter", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--noise", default=1.0, show_default=True, help="Times a matrix's own spread.")
@click.option("--silences", default=600, show_default=True, help="Silent windows read of a part.")
def degraded(file: Path, adapter: Path, noise: float, silences: int) -> None:
    """Spoil, measure, and print what the promotion gate makes of both."""
    prepare_processor()
    home, pairs = postil_home(os.environ), tuple(read_jsonl(file, Pair))
    limits, settings = replace(MEASURED, silences=silences), Settings()
    spoilt = spoil(adapter, home, noise)
    with stages() as progress:
        for folder in (adapter, spoilt):
            card = prove(folder, pairs, settings, home, progress, limits=limits)
            click.echo(table_of(card))
            for check in judge(card):
                click.echo(f"- {'passed' if check.passed else 'FAILED'}: {check.name}")


def spoil(adapter: Path, home: Path, noise: float) -> Path:
    """A published copy with noise on its weights."""
    card, registry = load_card(adapter), Registry(home)
    draw = torch.Generator().manual_seed(7)
    with registry.workspace(card.repo) as folder:
        for path in adapter.iterdir():
            if path.name not in (CARD, WEIGHTS):
                (folder / path.name).write_bytes(path.read_bytes())
        weights = {
            name: value
            + (torch.randn(value.shape, generator=draw) * value.float().std() * noise).to(
                value.dtype
            )
            for name, value in load_file(adapter / WEIGHTS).items()
        }
        save_file(weights, folder / WEIGHTS, metadata={"format": "pt"})
        fresh = replace(card, name=f"{card.name}, spoilt", files={}, promotion=None)
        return registry.publish(folder, fresh)


if __name__ == "__main__":
    degraded()
