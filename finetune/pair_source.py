"""Where a command's pairs come from: a file, a folder, the hub, or a repository's built dataset."""

import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import click

from postil.errors import ConfigError, UsageError
from postil.records import Pair, write_jsonl

pairs_option = click.option(
    "--pairs",
    type=click.Path(path_type=Path),
    metavar="FILE|FOLDER|OWNER/NAME[@REVISION]",
    help="Questions and answers as JSON, JSON lines or Parquet, or a dataset of the hub"
    " (docs/other-data.md); default: HOME/datasets/REPO/pairs.jsonl.",
)


def read_pairs(
    pairs: Path | None, repo: str, home: Path, *, told: bool = True
) -> tuple[list[Pair], str]:
    """Pairs from anywhere, else from the repository's dataset; and the repository's name.

    `told`: what became of the rows of a source that was named is said on stderr.
    """
    if pairs is None and not repo:
        raise UsageError("say which pairs: --pairs FILE, or --repo OWNER/NAME of a built dataset")
    file = pairs or home / "datasets" / repo / "pairs.jsonl"
    if pairs is None and not file.exists():
        raise ConfigError(f"{file}: not there: run `postil dataset build --repo {repo}` first")
    from finetune.foreign_pairs import read_any_pairs

    rows = read_any_pairs(file, partial(click.echo, err=True) if pairs and told else None)
    return rows, repo or next((row.repo for row in rows if row.repo), source_name(file))


def read_pooled(repos: Sequence[str], name: str, home: Path) -> tuple[list[Pair], str]:
    """The pairs of several repositories, kept as a dataset of their own; and its name."""
    from finetune.pooling import pool, pooled_repo

    rows = list(pool({repo: read_pairs(None, repo, home)[0] for repo in repos}))
    pooled = pooled_repo(repos[0], name)
    folder = home / "datasets" / pooled
    folder.mkdir(parents=True, exist_ok=True)
    write_jsonl(folder / "pairs.jsonl", rows)
    return rows, pooled


def source_name(source: Path) -> str:
    """What an adapter of a file, a folder or a hub dataset is called."""
    name = source.resolve().name.split(".")[0] if source.exists() else str(source).split("@")[0]
    return re.sub(r"[^\w./-]+", "-", name, flags=re.ASCII)
