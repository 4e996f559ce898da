"""Which past remark to quote: how far any choice among them can get, on parts that no test reads.

    python -m benchmarks.quoting PAIRS.jsonl [--sample]

For every accepted remark of early stopping and calibration: the past remarks of the training part
that were decided before it, ranked in several ways, and chrF of the first one against what the
reviewer said. *Learned* is a ridge regression from all signals to chrF, fitted on the later remarks
of the training part; *the best there is* knows the answer. `--sample`: the pairs are those of
`make demo` (build/demo/home/datasets/tidewater/harbor/pairs.jsonl), whose remarks each follow from
a rule; how often the first one follows from the same rule is told as well. *Strange*: the share
that names code which does not stand in the window. A few minutes.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean

import click
import msgspec
import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from bot.demo.exam import RuleReader
from bot.demo.pieces import read_content
from finetune.code_names import code_names, names_in
from finetune.evaluation.baselines import constant_remark, random_remark
from finetune.evaluation.choices import WordsInCommon
from finetune.evaluation.metrics import chrf
from finetune.fitting import best_remark, fitting
from finetune.recall import IndexEntry, Recall, index_entries
from postil.answer import parse_answer
from postil.records import Pair, read_jsonl

PARTS = ("validation", "calibration")
LEAST_PAST = 60
"""Past remarks that a training remark needs, to be learned from."""
NEAR = 10
Score = Callable[[NDArray[np.float64]], NDArray[np.float64]]
SIGNALS = ("likeness of code", "likeness of rows", "words in common", "centrality", "length")


class Asked(msgspec.Struct, frozen=True):
    """One remark that was made, and the past remarks that may be quoted for it."""

    said: str
    past: tuple[str, ...]
    signals: NDArray[np.float64]
    """A row of SIGNALS for every past remark."""
    likeness: NDArray[np.float64]
    """chrF of every past remark against what was said."""


def ask(pair: Pair, recall: Recall, words: WordsInCommon, central: dict[str, float]) -> Asked:
    """With all past remarks whose window shares a token with this one."""
    remark = parse_answer(pair.response)
    assert pair.window and remark
    matches = recall.similar(pair.window, pair.decided_at, len(recall.entries))
    matches = [match for match in matches if match.entry.url != pair.url]
    past = tuple(match.entry.message for match in matches)
    rows = [
        (
            match.similarity,
            match.row_similarity,
            words.score(match.entry.message, pair.window, match.anchor(pair.window)),
            central[match.entry.message],
            np.log(len(match.entry.message)),
        )
        for match in matches
    ]
    likeness = np.array([chrf(text, remark.message) for text in past])
    return Asked(remark.message, past, np.array(rows), likeness)


def centrality(entries: Sequence[IndexEntry]) -> dict[str, float]:
    """Mean chrF of each message against all of them."""
    texts = [entry.message for entry in entries]
    return {text: fmean(chrf(text, other) for other in texts) for text in set(texts)}


def learn(asked: Sequence[Asked]) -> Score:
    """What of the signals tells that a past remark is like the one made."""
    model = make_pipeline(StandardScaler(), Ridge(1.0))
    above = [one.likeness - one.likeness.mean() for one in asked]
    model.fit(np.vstack([one.signals for one in asked]), np.concatenate(above))
    weights = zip(SIGNALS, model[-1].coef_, strict=True)
    click.echo("learned: " + ", ".join(f"{name} {weight:+.2f}" for name, weight in weights))
    return lambda signals: np.asarray(model.predict(signals))


def near(signals: NDArray[np.float64]) -> NDArray[np.float64]:
    """Words in common, among the past remarks on the most similar code."""
    order = np.argsort(np.argsort(-signals[:, 0], kind="stable"), kind="stable")
    return np.where(order < NEAR, signals[:, 2], -np.inf)


def column(at: int) -> Score:
    """One signal alone."""
    return lambda signals: signals[:, at]


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--sample", is_flag=True, help="The pairs are the sample team's.")
def quoting(file: Path, sample: bool) -> None:
    """Print a Markdown table."""
    read = RuleReader(read_content().rules).read if sample else None
    pairs = [p for p in read_jsonl(file, Pair) if p.window and p.kind == "remark"]
    entries = index_entries(pairs)
    recall, words, central = Recall(entries), WordsInCommon(entries), centrality(entries)
    here = [pair for pair in pairs if pair.split in PARTS]
    asked = [ask(pair, recall, words, central) for pair in here]
    train = [ask(pair, recall, words, central) for pair in pairs if pair.split == "train"]
    ways = {name: column(at) for at, name in enumerate(SIGNALS)}
    ways[f"words in common, of the {NEAR} on the most similar code"] = near
    ways["learned"] = learn([one for one in train if len(one.past) >= LEAST_PAST])
    rows = {
        name: [one.past[int(np.argmax(score(one.signals)))] for one in asked]
        for name, score in ways.items()
    }
    rows["rows at its place, then likeness of code (in use)"] = [at_place(recall, p) for p in here]
    rows["the same, place not known"] = [anywhere(recall, pair) for pair in here]
    rows["the best constant"] = [constant_remark(entries)] * len(asked)
    rows["any remark"] = [random_remark(entries, pair) for pair in here]
    rows["the best there is"] = [one.past[int(np.argmax(one.likeness))] for one in asked]
    same = " same rule |" if sample else ""
    rows["what the reviewers said"] = [one.said for one in asked]
    click.echo(f"\n| {len(asked)} remarks | chrF | different ones | strange |{same}")
    click.echo("|---|---|---|---|" + "---|" * sample)
    known = [names_in(pair.window) for pair in here if pair.window]
    for name, told in rows.items():
        _row(name, asked, told, known, read)
    click.echo()
    whole = np.concatenate([one.likeness for one in asked])
    for least in (25, 30, 40):
        click.echo(f"chrF of {least} or more: {np.mean(whole >= least):.2%} of past remarks")


def at_place(recall: Recall, pair: Pair) -> str:
    """What is quoted where the model has found the reviewer's line."""
    remark = parse_answer(pair.response)
    assert pair.window and remark
    found = fitting(recall, pair.window, remark.anchor, pair.decided_at, 1)
    return found[0].entry.message if found else ""


def anywhere(recall: Recall, pair: Pair) -> str:
    """What an adapter without a model quotes."""
    assert pair.window
    remark = best_remark(recall, pair.window, pair.decided_at)
    return remark.message if remark else ""


def _row(
    name: str,
    asked: Sequence[Asked],
    told: Sequence[str],
    known: Sequence[set[str]],
    read: Callable[[str], str] | None,
) -> None:
    strange = fmean(not here.issuperset(code_names(t)) for t, here in zip(told, known, strict=True))
    both = list(zip(told, asked, strict=True))
    mean = fmean(chrf(text, one.said) for text, one in both)
    same = f" {fmean(read(text) == read(one.said) for text, one in both):.2f} |" if read else ""
    click.echo(f"| {name} | {mean:.1f} | {len(set(told))} | {strange:.2f} |{same}")


if __name__ == "__main__":
    quoting()
