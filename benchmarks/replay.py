"""Whether retraining pays: a repository's history played forward, step by step.

    postil mine --source gerrit:CLONE --repo repo --until 2023-12-31
    python -m benchmarks.replay --repo repo --until 2023-12-31 --out replay.jsonl --plot replay.svg

Each step has at least --step newly accepted remarks. Before it, an adapter is trained from the
base on all that had been decided by then (the newest --pairs of it); it reviews the step, beside
the adapter that was trained before the first step and never again, beside retrieval over what was
known by then, and beside size alone. Every window of the step's reviewed revisions is a question
(--silences of the silent ones; 0: all). With --mode retrieval the adapters are those that need no
training: what is retrained is then memory, words and gate, in seconds.
One row a step in --out: rows found there are skipped, so a killed run goes on; an interrupted
training does as well. --weights takes the weights of another run's rows instead of training: only
what stands beside them is made anew. Prints Markdown, and draws the curves to --plot.
"""

import os
import platform
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import click
from msgspec.structs import replace

from benchmarks.replay_shown import draw, table
from benchmarks.replay_steps import Asked, Figures, Row, Step, cut_steps
from benchmarks.results import MODES, make, newest
from finetune.adapters import Registry
from finetune.cards import load_card
from finetune.evaluation.choices import ROWS
from finetune.evaluation.metrics import UNKNOWN
from finetune.evaluation.plan import MEASURED, Limits
from finetune.evaluation.proof import prove
from finetune.evaluation.readings import Progress
from finetune.processor import prepare_processor
from finetune.training.progress import stages
from mining.commands import day_end, store_url
from postil.records import Example, Pair, read_jsonl, write_jsonl
from postil.settings import MiningSettings, Settings, TrainSettings, postil_home


@click.command()
@click.option("--repo", required=True)
@click.option("--until", metavar="DATE", callback=day_end, help="Only changes closed by then; UTC.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="JSON lines.")
@click.option("--plot", type=click.Path(path_type=Path), help="SVG.")
@click.option(
    "--weights",
    type=click.Path(path_type=Path, exists=True),
    help="Rows whose weights are used again.",
)
@click.option("--steps", default=7, show_default=True, help="At most; each is one retraining.")
@click.option("--step", "least", default=50, show_default=True, help="New accepted remarks a step.")
@click.option("--mode", type=click.Choice(MODES), default="lora", show_default=True)
@click.option("--base", default="smollm2-135m", show_default=True)
@click.option("--pairs", default=0, show_default=True, help="Training pairs a step; 0: all.")
@click.option("--silences", default=300, show_default=True, help="Silent windows read a step.")
@click.option("--questions", default=60, show_default=True, help="Remarks of the four-way choice.")
@click.option("--max-length", default=512, show_default=True)
@click.option("--rate", default=1e-3, show_default=True, help="Learning rate.")
@click.option("--epochs", default=2.0, show_default=True)
@click.option("--seed", default=7, show_default=True)
def replay(
    repo: str,
    until: datetime | None,
    out: Path,
    plot: Path | None,
    weights: Path | None,
    steps: int,
    least: int,
    mode: Literal["lora", "retrieval"],
    base: str,
    pairs: int,
    silences: int,
    questions: int,
    max_length: int,
    rate: float,
    epochs: float,
    seed: int,
) -> None:
    """Measure every step that is not in --out yet, and print all of them."""
    prepare_processor()
    train = TrainSettings(
        base=base,
        mode=mode,
        learning_rate=rate,
        batch=4,
        epochs=epochs,
        evaluations=1,
        max_length=max_length,
        seed=seed,
    )
    asked = Asked(
        repo=repo,
        train=train,
        steps=steps,
        least=least,
        pairs=pairs,
        silences=silences,
        questions=questions,
    )
    known = list(read_jsonl(out, Row)) if out.exists() else []
    rows = [row for row in known if row.asked == asked]
    others = [row for row in known if row.asked != asked]
    trained = list(read_jsonl(weights, Row)) if weights else []
    before = {row.number: row for row in trained if row.asked == asked}
    windows = labelled_windows(out.with_suffix(".examples.jsonl"), repo, until)
    for step in cut_steps(windows, MiningSettings(), least, steps):
        if len(rows) >= step.number:
            continue
        if weights and step.number not in before:
            raise click.ClickException(f"{weights}: has no such step {step.number} of this run")
        first = rows[0].adapter if rows else ""
        rows.append(_measure(step, asked, first, before.get(step.number)))
        write_jsonl(out, [*others, *rows])
        click.echo(f"step {step.number}: {rows[-1].cpu_train_s:.0f} CPU-seconds", err=True)
    click.echo(table(rows))
    if plot:
        plot.write_text(draw(rows), encoding="utf-8")


def labelled_windows(kept: Path, repo: str, until: datetime | None) -> list[Example]:
    """Every labelled window of what was mined, labelled once and kept in a file."""
    from mining.examples import build_examples
    from mining.store import open_store
    from mining.stored import read_stored

    if not kept.exists():
        home = postil_home(os.environ)
        with open_store(os.environ.get("POSTIL_DATABASE_URL") or store_url(home)) as store:
            stored = read_stored(store, repo, until=until)
        with stored.repository() as repository:
            found, _ = build_examples(stored.changes, repository, MiningSettings())
        write_jsonl(kept, found)
    return list(read_jsonl(kept, Example))


def _measure(step: Step, asked: Asked, first: str, trained: Row | None) -> Row:
    """Train before the step and review it; `first` is the adapter that was trained once, `trained`
    a row whose weights are there already."""
    home, settings = postil_home(os.environ), Settings(train=asked.train)
    pairs = newest(step.pairs, asked.pairs)
    with _clock() as train_s, stages() as progress:
        limits = replace(MEASURED, silences=asked.silences or None)
        if trained:
            made = _beside(trained, pairs, settings, home, progress, limits)
        else:
            made = make(pairs, settings, home, progress, limits)
    with _clock() as measure_s:
        retrained, retrieval, size = _prove(made, pairs, settings, home, asked)
        once = retrained
        if first and first != made.name:
            folder = Registry(home).find(asked.repo, first)
            once, *_ = _prove(folder, pairs, settings, home, asked)
    return Row(
        date=f"{datetime.now(UTC):%Y-%m-%d}",
        machine=f"{platform.machine()}, {os.cpu_count()} cores",
        asked=asked,
        number=step.number,
        begins=step.begins,
        ends=step.ends,
        adapter=made.name,
        trained_on=load_card(made).pairs,
        remarks=sum(p.kind == "remark" and p.split == "test" for p in pairs),
        retrained=retrained,
        once=once,
        retrieval=retrieval,
        size=size,
        cpu_train_s=trained.cpu_train_s if trained else train_s[0],
        cpu_measure_s=measure_s[0],
    )


def _beside(
    trained: Row,
    pairs: Sequence[Pair],
    settings: Settings,
    home: Path,
    progress: Progress,
    limits: Limits,
) -> Path:
    """The weights of a row with all that stands beside them made anew."""
    from finetune.recalibrating import recalibrate  # draws in torch

    registry = Registry(home)
    folder = registry.find(trained.asked.repo, trained.adapter)
    return recalibrate(folder, pairs, settings, registry, progress, limits)[0]


def _prove(
    folder: Path, pairs: Sequence[Pair], settings: Settings, home: Path, asked: Asked
) -> tuple[Figures, Figures, Figures]:
    """What an adapter found on the step, what retrieval over its index did, and size alone."""
    limits = replace(
        MEASURED,
        silences=asked.silences or None,
        remarks=asked.questions,
        choices=asked.questions,
        samples=0,
    )
    with stages() as progress:
        if load_card(folder).has_weights:
            from benchmarks.replay_asked import ask  # draws in torch

            return ask(folder, tuple(pairs), settings, home, limits, progress)
        card = prove(folder, pairs, settings, home, progress, limits=limits)
    ours = Figures(auc=card.system("adapter").auc, four_way=card.choice(ROWS).four_way)
    likeness = card.choice("retrieval").four_way
    theirs = Figures(auc=card.system("retrieval").auc, four_way=likeness)
    size = Figures(auc=card.system("size alone").auc, four_way=UNKNOWN)
    return ours, theirs, size


@contextmanager
def _clock() -> Iterator[list[float]]:
    """CPU-seconds of what is done in it, children included, once it is left."""
    before, spent = _used(), [0.0]
    yield spent
    spent[0] = round(_used() - before, 1)


def _used() -> float:
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


if __name__ == "__main__":
    replay()
