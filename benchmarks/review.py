"""What a review costs, on real changes, against generating for every hunk as plain code would.

    python -m benchmarks.review CLONE [CLONE] --pulls 30 --peer-pulls 3

Changes of 5 to 60 hunks: merges where the history has them, else single commits. The model is the
embedded base, or an adapter of the registry (--adapter) with its own gate; the bare base gets a
gate by hand that speaks about a tenth of the windows. CPU-seconds of this process, after loading.
The peer is transformers' text-generation pipeline, one question at a time, for every window. That
ours finds what plain reading finds is checked window by window: the same windows over the
threshold by one unbatched pass each, and the same words by one unbatched generation each.
"""

import json
import os
import random
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from math import exp
from pathlib import Path
from typing import Any

import click
import msgspec

from bot.model.loaded_adapter import LoadedAdapter
from bot.model.loaded_adapter import load as load_adapter
from bot.review import ModelInfo, Reviewed, review
from bot.selection import select
from finetune.base_model import BaseModel, find_base
from finetune.cards import load_card
from finetune.engines.local import LocalEngine
from finetune.loaded_base import pick_dtype
from finetune.processor import SPINS, prepare_processor
from finetune.recall import Recall
from finetune.speaking import Voice
from mining.repository import Repository, open_repository
from postil.answer import NO_COMMENT, anchors
from postil.diff import FileDiff, parse_diff
from postil.prompt import TEMPLATE, render_question
from postil.records import Window
from postil.settings import ReviewSettings, postil_home

HUNKS = (5, 60)
MOST_WINDOWS = 60
"""Changes of more are left out: those drawn were tables that a program wrote."""
SPEAKS = 0.1
"""Share of windows that the gate by hand lets through."""
TOKENS = 64
SETTINGS = ReviewSettings(max_tokens=TOKENS, most_windows=500)
COLD = """
import os, sys
from pathlib import Path
from finetune.processor import prepare_processor
prepare_processor()
from finetune.base_model import find_base
from finetune.engines.local import LocalEngine
from postil.prompt import render_question
base = find_base("smollm2-135m", Path(sys.argv[1]))
LocalEngine(base, None, precision=sys.argv[2], device="cpu").score([sys.argv[3]])
"""


class ByHand(LoadedAdapter):
    """The bare base with a gate on its log-odds alone."""

    def __init__(self, engine: LocalEngine, base: str, cut: float) -> None:
        info = ModelInfo(
            adapter="none", base=base, template=TEMPLATE, window_lines=24, threshold=0.5
        )
        super().__init__(
            info,
            lambda: nullcontext(engine),
            Voice(way="write", gate=None, recall=Recall(())),
            None,
        )
        self.cut = cut

    def gate(
        self, windows: Sequence[Window], scores: Sequence[float], newcomer: bool | None = None
    ) -> list[float]:
        """One half at the cut."""
        return [1 / (1 + exp(self.cut - score)) for score in scores]


class Pull(msgspec.Struct, frozen=True):
    """One change and its windows."""

    name: str
    files: tuple[FileDiff, ...]
    windows: tuple[Window, ...]


def pulls_of(repository: Repository, count: int, seed: int) -> Iterator[Pull]:
    """Changes of 5 to 60 hunks, drawn from the whole history."""
    rows = list(repository.commits())
    merges = [row for row in rows if len(row.parents) == 2]
    drawn = merges if len(merges) > count * 4 else [row for row in rows if len(row.parents) == 1]
    for row in random.Random(seed).sample(drawn, len(drawn)):
        files = parse_diff(repository.diff(row.parents[0], row.sha))
        chosen = select(files, 24, SETTINGS)
        hunks = sum(len(file.hunks) for file in files if file.path in chosen.reviewed)
        if HUNKS[0] <= hunks <= HUNKS[1] and len(chosen.windows) <= MOST_WINDOWS:
            yield Pull(row.sha[:12], files, chosen.windows)
            count -= 1
        if not count:
            return


def timed(model: Any, files: tuple[FileDiff, ...]) -> tuple[Reviewed, float]:
    """A review and its CPU-seconds."""
    begun = time.process_time()
    reviewed = review(files, model, SETTINGS)
    return reviewed, time.process_time() - begun


def peer(pipe: Any, questions: Sequence[str]) -> tuple[list[str], float]:
    """An answer to every question, one at a time, and the CPU-seconds."""
    begun = time.process_time()
    answers = []
    for question in questions:
        turns = [{"role": "system", "content": ""}, {"role": "user", "content": question}]
        told = pipe(turns, max_new_tokens=TOKENS, do_sample=False, return_full_text=False)
        answers.append(told[0]["generated_text"])
    return answers, time.process_time() - begun


def plainly(engine: LocalEngine, question: str) -> float:
    """Log-odds of speaking by one pass of transformers' own model, nothing shared or batched."""
    import torch

    chat = engine.chat
    with torch.inference_mode():
        ids = torch.tensor([chat.question(question, engine.max_length)])
        logits = engine.model(input_ids=ids).logits[0, -1].float()
    speaking = logits[sorted(set(chat.speaking))].logsumexp(0)
    return float(speaking - logits[chat.silent])


def same_words(engine: LocalEngine, window: Window, message: str) -> bool:
    """Whether one unbatched generation behind the likeliest line begins with the message."""
    import torch

    allowed, question = anchors(window), render_question(window)
    scores = engine.anchor_scores(question, allowed)
    place = allowed[max(range(len(allowed)), key=scores.__getitem__)]
    chat = engine.chat
    head = [
        *chat.question(question, engine.max_length - TOKENS),
        *chat.encode(f"{place}\n"),
    ]
    ids = torch.tensor([head])
    with torch.inference_mode():
        out = engine.model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=TOKENS,
            do_sample=False,
            pad_token_id=chat.end,
        )
    return str(chat.tokenizer.decode(out[0, len(head) :])).strip().startswith(message[:40])


def flatness(model: Any, windows: Sequence[Window]) -> dict[int, float]:
    """CPU-seconds a window where so many like ones are scored."""
    alike = sorted(windows, key=lambda window: len(render_question(window)))[:50]
    found = {}
    for count in (5, 50, 500):
        some = [alike[at * max(1, 50 // count) % len(alike)] for at in range(count)]
        begun = time.process_time()
        model.score([render_question(window) for window in some])
        found[count] = (time.process_time() - begun) / count
    return found


def cold_starts(home: Path, precision: str, question: str) -> dict[str, list[float]]:
    """As the model is held here, and in NF4: the first start of that may quantise it, the next
    ones read what was kept."""
    kinds = dict.fromkeys((precision, "nf4"))
    return {kind: [cold_start(home, kind, question) for _ in range(3)] for kind in kinds}


def cold_start(home: Path, precision: str, question: str) -> float:
    """CPU-seconds of a new process from its start to its first score."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-P", "-c", COLD, str(home), precision, question]
    subprocess.run(command, check=True, env={**os.environ, "HF_HUB_OFFLINE": "1"})
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def open_pipeline(engine: LocalEngine) -> Any:
    """transformers' own, over the same weights."""
    from transformers import pipeline

    make: Any = pipeline
    return make("text-generation", model=engine.model, tokenizer=engine.chat.tokenizer)


@click.command()
@click.argument("clones", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--pulls", default=30, show_default=True, help="Changes, over all clones.")
@click.option("--peer-pulls", default=3, show_default=True, help="Of those, also for the peer.")
@click.option("--adapter", type=click.Path(path_type=Path), help="A folder of the registry.")
@click.option("--seed", default=7, show_default=True)
def benchmark(
    clones: tuple[Path, ...], pulls: int, peer_pulls: int, adapter: Path | None, seed: int
) -> None:
    """Print the figures as lines of JSON."""
    prepare_processor()
    home = postil_home(os.environ)
    drawn: list[Pull] = []
    for number, clone in enumerate(clones):
        with open_repository(clone) as repository:
            share = (pulls - len(drawn)) // (len(clones) - number)
            drawn += pulls_of(repository, share, seed)
    model, engine, precision = _open(adapter, home)
    if isinstance(model, ByHand):
        some = [window for pull in drawn[::10] for window in pull.windows][:30]
        scores = sorted(model.score([render_question(window) for window in some]))
        model.cut = scores[int(len(scores) * (1 - SPEAKS))]
    spent, per_window, reviews = [], [], []
    for pull in drawn:
        reviewed, seconds = timed(model, pull.files)
        spent.append(seconds)
        per_window.append(seconds / max(1, len(pull.windows)))
        reviews.append(reviewed)
        hunks = sum(len(file.hunks) for file in pull.files)
        said = f"{len(reviewed.findings)} findings, {reviewed.held_back} held back"
        click.echo(f"{pull.name}: {hunks} hunks, {seconds:.1f} CPU-s; {said}", err=True)
    found = {
        "pulls": len(drawn),
        "precision": precision,
        "windows": sum(len(pull.windows) for pull in drawn),
        "median_cpu_s": statistics.median(spent),
        "most_cpu_s": max(spent),
        "median_cpu_s_a_window": statistics.median(per_window),
        "findings": sum(len(reviewed.findings) for reviewed in reviews),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "cold_start_cpu_s": cold_starts(home, precision, render_question(drawn[0].windows[0])),
        "cpu_s_a_window_by_count": flatness(model, [w for pull in drawn for w in pull.windows]),
    }
    found |= _against_peer(drawn, reviews, spent, model, engine, peer_pulls)
    click.echo(
        json.dumps({k: round(v, 3) if isinstance(v, float) else v for k, v in found.items()})
    )


def _against_peer(
    drawn: Sequence[Pull],
    reviews: Sequence[Reviewed],
    spent: Sequence[float],
    model: Any,
    engine: LocalEngine,
    count: int,
) -> dict[str, Any]:
    """Both on the changes nearest to the median cost."""
    order = sorted(range(len(drawn)), key=lambda at: spent[at])
    middle = order[max(0, (len(order) - count) // 2) :][:count]
    pipe = open_pipeline(engine)
    theirs, silent, windows, other_side, other_words = 0.0, 0, 0, 0, 0
    for at in middle:
        questions = [render_question(window) for window in drawn[at].windows]
        answers, seconds = peer(pipe, questions)
        theirs += seconds
        windows += len(questions)
        silent += sum(answer.startswith(NO_COMMENT) for answer in answers)
        fast = model.gate(drawn[at].windows, model.score(questions))
        slow = model.gate(drawn[at].windows, [plainly(engine, q) for q in questions])
        limit = model.info.threshold or 1.0
        other_side += sum((a >= limit) != (b >= limit) for a, b in zip(fast, slow, strict=True))
        for finding in reviews[at].findings:
            window = next(w for w in drawn[at].windows if w.rows(finding.span))
            other_words += not same_words(engine, window, finding.message)
        click.echo(f"{drawn[at].name}: peer {seconds:.1f} CPU-s, ours {spent[at]:.1f}", err=True)
    ours = sum(spent[at] for at in middle)
    return {
        "peer_pulls": len(middle),
        "peer_windows": windows,
        "peer_silent": silent,
        "peer_cpu_s": theirs,
        "ours_cpu_s": ours,
        "times_faster": theirs / ours if ours else 0.0,
        "windows_on_the_other_side": other_side,
        "findings_in_other_words": other_words,
    }


def _open(adapter: Path | None, home: Path) -> tuple[Any, LocalEngine, str]:
    base: BaseModel
    if adapter is None:
        base = find_base("smollm2-135m", home)
        precision: Any = "bf16" if pick_dtype("auto", "cpu") == "bfloat16" else "fp32"
        engine = LocalEngine(base, None, precision=precision, device="cpu")
        return ByHand(engine, base.name, 0.0), engine, str(precision)
    card = load_card(adapter)
    base = find_base(card.base, home)
    precision = card.scoring.get("precision", "bf16")
    spec = {
        "adapter": str(adapter.resolve()),
        "base": base.name,
        "base_folder": str(base.folder),
        "base_revision": base.revision,
        "base_sha256": base.sha256,
    }
    engine = LocalEngine(base, adapter, precision=precision, device="cpu")
    return load_adapter(spec), engine, str(precision)


if __name__ == "__main__":
    if "GOMP_SPINCOUNT" not in os.environ:  # is read when torch is loaded, which it is by now
        told = [sys.executable, "-m", "benchmarks.review", *sys.argv[1:]]
        os.execve(sys.executable, told, {**os.environ, "GOMP_SPINCOUNT": SPINS})
    benchmark()
