"""Does a gate keep the precision it was given a threshold for? Promised and kept, step by step.

    postil mine --source gerrit:CLONE --repo repo --until 2023-12-31
    python -m benchmarks.thresholds --repo repo --until 2023-03-19 --labelled labelled.jsonl

The steps of `benchmarks.replay`, without weights: before each a gate is fitted on its calibration
part, and speaks on the step's windows from its threshold on. Once on all calibration windows, and
with their silences thinned to --thin in five draws, as where a model must read each. Two rules side
by side: the estimate alone must reach the wanted precision, or it by so many standard errors.
"""

import random
from collections.abc import Sequence
from datetime import datetime
from itertools import product
from pathlib import Path

import click
from msgspec.structs import replace

from benchmarks.replay import labelled_windows
from benchmarks.replay_steps import Step, cut_steps
from finetune.evaluation.baselines import WITHOUT_MODEL
from finetune.features import Labelled, label_window
from finetune.gate_fitting import SURE, fit_gate
from finetune.memory import learn_memory
from finetune.recall import index_entries
from mining.commands import day_end
from postil.records import Record, Split
from postil.settings import MiningSettings

WANTED = (0.2, 0.3, 0.4, 0.5)
RULES = {"estimate": 0.0, "sure": SURE}
DRAWS = 5


class Spoken(Record, frozen=True, kw_only=True):
    """How one gate did on its step."""

    right: int
    said: int


@click.command()
@click.option("--repo", required=True)
@click.option("--until", metavar="DATE", callback=day_end, help="Only changes closed by then; UTC.")
@click.option(
    "--labelled",
    type=click.Path(path_type=Path),
    required=True,
    help="JSON lines; every labelled window is kept there.",
)
@click.option("--steps", default=8, show_default=True)
@click.option("--step", "least", default=50, show_default=True, help="Accepted remarks a step.")
@click.option("--thin", default=100, show_default=True, help="Silences of the thinned part.")
def compare(
    repo: str, until: datetime | None, labelled: Path, steps: int, least: int, thin: int
) -> None:
    """Print, for each wanted precision, how many gates speak, and how often they are right."""
    found: dict[tuple[str, float, str], list[Spoken | None]] = {}
    windows = labelled_windows(labelled, repo, until)
    for step in cut_steps(windows, MiningSettings(), least, steps):
        rows = _labelled(step)
        parts = {"all": [rows["calibration"]], f"{thin} silences": []}
        for draw in range(DRAWS):
            some = thinned(rows["calibration"], thin, random.Random(f"{step.number} {draw}"))
            parts[f"{thin} silences"].append(some)
        for (name, drawn), wanted, rule in product(parts.items(), WANTED, RULES):
            each = [_speak(some, rows["test"], wanted, RULES[rule]) for some in drawn]
            found.setdefault((name, wanted, rule), []).extend(each)
        click.echo(f"step {step.number} done", err=True)
    click.echo("| calibrated on | wanted | rule | gates that speak | right | kept it |")
    click.echo("|---|---|---|---|---|---|")
    for (name, wanted, rule), each in found.items():
        click.echo(f"| {name} | {wanted} | {rule} | {_told(each, wanted)} |")


def _labelled(step: Step) -> dict[Split, list[Labelled]]:
    """The features of both parts, told by what was known before the step."""
    recall = learn_memory(step.pairs, index_entries(step.pairs), 7)
    parts: tuple[Split, ...] = ("calibration", "test")
    return {
        part: [
            label_window(pair, recall)
            for pair in step.pairs
            if pair.split == part and pair.window and pair.located and pair.kind != "ambiguous"
        ]
        for part in parts
    }


def thinned(rows: Sequence[Labelled], most: int, draw: random.Random) -> list[Labelled]:
    """All remarks, and at most so many silences that stand for the others as well."""
    silences = [row for row in rows if not row.remarked]
    kept = draw.sample(silences, min(most, len(silences)))
    weighed = [replace(row, weight=len(silences) / len(kept)) for row in kept]
    return sorted([*(row for row in rows if row.remarked), *weighed], key=lambda row: row.pair)


def _speak(
    rows: Sequence[Labelled], step: Sequence[Labelled], wanted: float, errors: float
) -> Spoken | None:
    """What a gate fitted on some windows says of others; None where it never speaks."""
    gate = fit_gate(
        rows,
        min_precision=wanted,
        names=WITHOUT_MODEL.features,
        alone=WITHOUT_MODEL.alone,
        sure=errors,
    )
    if gate.threshold is None:
        return None
    said = [row.remarked for row in step if gate.speaks(row.features)]
    return Spoken(right=sum(said), said=len(said))


def _told(each: Sequence[Spoken | None], wanted: float) -> str:
    spoke = [one for one in each if one is not None]
    right, said = sum(one.right for one in spoke), sum(one.said for one in spoke)
    kept = sum(bool(one.said) and one.right >= wanted * one.said for one in spoke)
    share = f"{right / said:.2f} of {said}" if said else "-"
    return f"{len(spoke)} of {len(each)} | {share} | {kept}"


if __name__ == "__main__":
    compare()
