"""Which rank and modules give how large an adapter, for bases of four sizes. No weights are loaded.

    python -m benchmarks.adapter_sizes

The shapes are those that the models' own configurations publish; the memory is the forecast that
`postil train` goes by, one pair of 1,024 tokens at a time with activation checkpointing.
"""

import json
from typing import Any

import click

from postil.settings import TrainSettings

SHAPES: dict[str, dict[str, Any]] = {
    "135M (SmolLM2-135M)": {
        "kind": "llama",
        "vocab_size": 49152,
        "hidden_size": 576,
        "intermediate_size": 1536,
        "num_hidden_layers": 30,
        "num_attention_heads": 9,
        "num_key_value_heads": 3,
        "tie_word_embeddings": True,
    },
    "1.5B (Qwen2.5-Coder-1.5B)": {
        "kind": "qwen2",
        "vocab_size": 151936,
        "hidden_size": 1536,
        "intermediate_size": 8960,
        "num_hidden_layers": 28,
        "num_attention_heads": 12,
        "num_key_value_heads": 2,
        "tie_word_embeddings": True,
    },
    "7B (Qwen2.5-Coder-7B)": {
        "kind": "qwen2",
        "vocab_size": 152064,
        "hidden_size": 3584,
        "intermediate_size": 18944,
        "num_hidden_layers": 28,
        "num_attention_heads": 28,
        "num_key_value_heads": 4,
        "tie_word_embeddings": False,
    },
    "70B (Llama-3-70B)": {
        "kind": "llama",
        "vocab_size": 128256,
        "hidden_size": 8192,
        "intermediate_size": 28672,
        "num_hidden_layers": 80,
        "num_attention_heads": 64,
        "num_key_value_heads": 8,
        "tie_word_embeddings": False,
    },
}
MODULES = {
    "query, value": ("q_proj", "v_proj"),
    "attention": ("q_proj", "k_proj", "v_proj", "o_proj"),
    "all linear": ("all-linear",),
}
RANKS = (4, 8, 16, 32)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON line a row.")
def sizes(as_json: bool) -> None:
    """Print the table."""
    from transformers import AutoConfig

    from finetune.training.forecast import forecast, measure_size, outline_of

    if not as_json:
        click.echo("| base | modules | rank | trains | share | adapter MB | QLoRA GB | full GB |")
        click.echo("|---|---|---|---|---|---|---|---|")
    for base, shape in SHAPES.items():
        kind = shape["kind"]
        config = AutoConfig.for_model(kind, **{k: v for k, v in shape.items() if k != "kind"})
        model = outline_of(config)
        whole = TrainSettings(mode="full", checkpointing=True, micro_tokens=1024)
        full = forecast(measure_size(model, whole), whole, "cuda")
        for modules, targets in MODULES.items():
            for rank in RANKS:
                settings = TrainSettings(
                    rank=rank, targets=targets, checkpointing=True, micro_tokens=1024
                )
                size = measure_size(model, settings)
                row = {
                    "base": base,
                    "modules": modules,
                    "rank": rank,
                    "trainable": size.trainable,
                    "share": size.trainable / size.total,
                    "adapter_mb": size.adapter_mb,
                    "qlora_gb": forecast(size, settings, "cuda") / 1e9,
                    "full_gb": full / 1e9,
                }
                click.echo(json.dumps(row) if as_json else _shown(row))


def _shown(row: dict[str, Any]) -> str:
    return (
        f"| {row['base']} | {row['modules']} | {row['rank']} | {row['trainable']:,} |"
        f" {row['share']:.2%} | {row['adapter_mb']:.1f} | {row['qlora_gb']:.1f} |"
        f" {row['full_gb']:.0f} |"
    )


if __name__ == "__main__":
    sizes()
