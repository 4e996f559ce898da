"""Does more of the same help a small training part? The same base, trained with each way.

    python -m benchmarks.augmentation PAIRS.jsonl --size 100 --size 400 --out augmentation.jsonl

Every run takes the same number of optimisation steps on the newest `size` training pairs and their
copies; the best weights by the loss on a few validation pairs are kept. Measured on the calibration
part, never on the test part: loss of remarks in nats a token, and ROC-AUC of the decision to speak
alone. One JSON line a run, appended to --out; runs found there are skipped, so a killed benchmark
goes on. What an engine wrote is kept beside it and asked for once.
"""

import itertools
import json
import os
import platform
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import msgspec

from finetune.augment import Augmented, augment
from finetune.processor import prepare_processor
from postil.records import Pair
from postil.settings import AugmentSettings, Settings, TrainSettings, postil_home

BARE = "bare base"
WAYS: dict[str, dict[str, Any]] = {
    BARE: {},
    "none": {},
    "phrasings": {"phrasings": 5},
    "jitter": {"jitter": 1},
    "renaming": {"renaming": 1},
    "paraphrase": {"paraphrase": 1},
    "back_translation": {"back_translation": 1},
    "all": {
        "phrasings": 5,
        "jitter": 1,
        "renaming": 1,
        "paraphrase": 1,
        "back_translation": 1,
    },
}
HELD_OUT = 6
"""One validation pair for so many training pairs, as a small set would have; at least LEAST."""
LEAST = 16


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """What a line of the results is known by."""

    way: str
    size: int
    seed: int
    steps: int
    batch: int
    rate: float
    mode: str
    base: str
    data: str
    engine: str


class Answers:
    """An engine's answers, kept in a file; the engine is opened for what is not there."""

    def __init__(self, path: Path, engine: str, stack: ExitStack, opened: Any) -> None:
        self._path, self._engine, self._stack, self._opened = path, engine, stack, opened
        self._complete: Any = None
        lines = path.read_bytes().splitlines() if path.exists() else []
        rows = (json.loads(line) for line in lines)
        self._known = {(row["engine"], row["prompt"]): row["text"] for row in rows}

    def __call__(self, prompts: Sequence[str], max_tokens: int) -> list[str]:
        """See finetune.engines.Complete."""
        missing = [p for p in dict.fromkeys(prompts) if (self._engine, p) not in self._known]
        if missing and self._complete is None:
            self._complete = self._stack.enter_context(self._opened())
        if missing:
            with self._path.open("a", encoding="utf-8") as file:
                answers = self._complete(missing, max_tokens)
                for prompt, text in zip(missing, answers, strict=True):
                    self._known[(self._engine, prompt)] = text
                    row = {"engine": self._engine, "prompt": prompt, "text": text}
                    file.write(json.dumps(row) + "\n")
        return [self._known[(self._engine, prompt)] for prompt in prompts]


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="JSON lines.")
@click.option("--size", "sizes", type=int, multiple=True, default=(100, 400), show_default=True)
@click.option("--seed", "seeds", type=int, multiple=True, default=(7,), show_default=True)
@click.option("--way", "ways", type=click.Choice([*WAYS]), multiple=True, help="Default: all.")
@click.option("--steps", default=60, show_default=True, help="Optimisation steps of every run.")
@click.option("--evaluations", default=6, show_default=True, help="Held-out losses of a run.")
@click.option("--batch", default=16, show_default=True, help="Pairs a step.")
@click.option("--rate", default=1e-3, show_default=True, help="Learning rate.")
@click.option("--mode", type=click.Choice(["qlora", "lora"]), default="qlora", show_default=True)
@click.option("--silences", default=400, show_default=True, help="Calibration silences scored.")
@click.option("--base", help="Default: the embedded model.")
@click.option("--engine", default="", help="Who rewords, as augment.engine; default: the base.")
@click.option("--engine-model", default="", help="As augment.engine_model.")
def measure(
    file: Path,
    out: Path,
    sizes: tuple[int, ...],
    seeds: tuple[int, ...],
    ways: tuple[str, ...],
    steps: int,
    evaluations: int,
    batch: int,
    rate: float,
    mode: Any,
    silences: int,
    base: str | None,
    engine: str,
    engine_model: str,
) -> None:
    """Train and measure every way in every size that is not in --out yet."""
    prepare_processor()  # before torch is loaded
    from finetune.base_model import find_base
    from finetune.foreign_pairs import read_any_pairs
    from mining.dataset import digest_pairs

    pairs = read_any_pairs(file)
    home = postil_home(os.environ)
    train = TrainSettings(batch=batch, mode=mode, patience=steps, learning_rate=rate)
    found = find_base(base or train.base, home)
    for size, seed, way in ((s, r, w) for s in sizes for r in seeds for w in ways or WAYS):
        run = Run(
            way=way,
            size=0 if way == BARE else size,
            seed=0 if way == BARE else seed,
            steps=0 if way == BARE else steps,
            batch=batch,
            rate=rate,
            mode=mode,
            base=found.sha256[:12],
            data=digest_pairs(pairs)[:12],
            engine=f"{engine} {engine_model}".strip(),
        )
        if run in done_runs(out):
            click.echo(f"{way}, {size} pairs, seed {seed}: already measured", err=True)
            continue
        wanted = AugmentSettings(engine=engine, engine_model=engine_model, **WAYS[way])
        settings = Settings(train=msgspec.structs.replace(train, seed=seed), augment=wanted)
        with answering(out, wanted, found, home) as complete:
            grown = augment(small(pairs, size), wanted, seed, complete, note)
        line = {
            "date": f"{datetime.now(UTC):%Y-%m-%d}",
            "machine": f"{platform.machine()}, {os.cpu_count()} cores",
            **msgspec.to_builtins(run),
            "kept": grown.tally.kept,
            "refused": grown.tally.refused,
            **train_and_measure(run, grown, pairs, settings, found, evaluations, silences),
        }
        with out.open("a", encoding="utf-8") as results:
            results.write(json.dumps(line) + "\n")
        click.echo(json.dumps(line))


def done_runs(out: Path) -> set[Run]:
    """The runs in a file of results."""
    lines = out.read_bytes().splitlines() if out.exists() else []
    return {msgspec.json.decode(line, type=Run) for line in lines if line.strip()}


def small(pairs: Sequence[Pair], size: int) -> list[Pair]:
    """The newest `size` training pairs and the first few of the validation part.

    Half of both are remarks, as in a dataset of that size; in their order.
    """
    most = {"train": size // 2, "validation": max(LEAST, size // HELD_OUT) // 2}
    kept: set[str] = set()
    for part, kind in itertools.product(most, ("remark", "silence")):
        here = [pair.id for pair in pairs if (pair.split, pair.kind) == (part, kind)]
        kept.update(here[-most[part] :] if part == "train" else here[: most[part]])
    return [pair for pair in pairs if pair.id in kept]


@contextmanager
def answering(out: Path, wanted: AugmentSettings, base: Any, home: Path) -> Iterator[Answers]:
    """An engine whose answers are kept beside the results."""
    from finetune.augment.engine import opened

    name = f"{wanted.engine} {wanted.engine_model}".strip() or base.sha256[:12]
    with ExitStack() as stack:
        path = out.with_suffix(".answers.jsonl")
        yield Answers(path, name, stack, lambda: opened(wanted, base, home))


def train_and_measure(
    run: Run,
    grown: Augmented,
    pairs: Sequence[Pair],
    settings: Settings,
    base: Any,
    evaluations: int,
    silences: int,
) -> dict[str, Any]:
    """What one run gave; the weights are thrown away."""
    from finetune.engines.local import LocalEngine
    from finetune.making import describe, scoring_precision
    from finetune.training.train import prepare, save_weights
    from finetune.training.train import run as train

    opening: dict[str, Any] = {
        "precision": scoring_precision(settings),
        "max_length": settings.train.max_length,
    }
    if run.way == BARE:
        return read(LocalEngine(base, None, **opening), pairs, silences)
    epoch = sum(pair.split == "train" for pair in grown.pairs) / run.batch
    own = msgspec.structs.replace(
        settings.train,
        epochs=run.steps / epoch,
        evaluations=max(1, round(evaluations * epoch / run.steps)),
    )
    prepared = prepare(grown.pairs, own, base)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        done = train(prepared, None, lambda _: None)
        save_weights(prepared.loop.model, folder)
        card = describe(grown.pairs, settings, base, "benchmark", prepared.plan, done)
        plan = prepared.plan
        del prepared
        engine = LocalEngine(base, folder, card=card, **opening)
        return {
            "pairs": plan.pairs,
            "taken_steps": done.steps,
            "best_step": done.best_step,
            "validation_loss": round(done.best_loss, 4),
            "train_s": round(done.seconds),
            **read(engine, pairs, silences),
        }


def read(engine: Any, pairs: Sequence[Pair], silences: int) -> dict[str, Any]:
    """Loss of the calibration part's remarks and AUC of speaking, each with its 95 % interval."""
    from finetune.evaluation.metrics import Bootstrap, Ranking, mean_of
    from finetune.evaluation.plan import Limits, make_plan
    from finetune.evaluation.readings import score_pairs
    from finetune.features import pull_of

    part = [pair for pair in pairs if pair.split == "calibration"]
    plan = make_plan(part, Limits(silences=silences))
    windows = plan.calibration
    remarks = [pair for pair in windows if pair.kind == "remark"]
    losses = engine.loss([p.instruction for p in remarks], [p.response for p in remarks])
    each = [nats / tokens if tokens else 0.0 for nats, tokens in losses]
    speak = score_pairs(engine, windows)
    ranking = Ranking(
        [speak[pair.id] for pair in windows], [pair.kind == "remark" for pair in windows]
    )
    asked = Bootstrap([pull_of(pair) for pair in remarks])
    drawn = Bootstrap([pull_of(p) for p in windows], [plan.weights[p.id] for p in windows])
    return {
        "loss": msgspec.to_builtins(asked.interval(mean_of(each, [n for _, n in losses]))),
        "auc": msgspec.to_builtins(drawn.interval(ranking.auc)),
        "remarks": len(remarks),
        "silences": len(windows) - len(remarks),
    }


def note(stage: str, done: int, total: int) -> None:
    """A line on stderr now and then."""
    click.echo(f"{stage}: {done}/{total}", err=True)


if __name__ == "__main__":
    measure()
