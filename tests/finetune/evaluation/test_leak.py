"""The controls: labels that mean nothing are not found, nor is where a comment stood."""

import random
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest

from finetune.evaluation.metrics import Bootstrap, Interval, Ranking
from finetune.features import Labelled, label_window
from finetune.gate_fitting import fit_gate
from finetune.recall import Recall, index_entries
from mining.examples import build_examples
from mining.pairs import to_pairs
from mining.repository import open_repository
from postil.diff import Hunk, windows
from postil.records import DiffLine, Pair, Review, Revision, Split
from postil.settings import MiningSettings
from tests.finetune.builders import day, make_pair
from tests.mining.builders import day as mining_day
from tests.mining.builders import make_change, make_pull, make_thread
from tests.tiny_git import TinyGit

NAMES = ("rows", "total", "name", "user", "path", "index", "value", "reader", "cache")
FORMS = (
    "{a} = {b}.get({c})",
    "if {a} == {b}:",
    "return {a}",
    "{a}({b}, {c})",
    "for {a} in {b}:",
    "",
)


def make_hunk(draw: random.Random, path: str) -> Hunk:
    """Random code, from two lines to a hundred, some of it removed or kept."""
    lines, old, new = [], draw.randint(1, 500), draw.randint(1, 500)
    for _ in range(draw.choice((2, 5, 12, 30, 60, 100))):
        kind = draw.choices("+- ", (6, 2, 2))[0]
        text = "    " * draw.randint(0, 3) + draw.choice(FORMS).format(
            a=draw.choice(NAMES), b=draw.choice(NAMES), c=draw.choice(NAMES)
        )
        number = {"old": None if kind == "+" else old, "new": None if kind == "-" else new}
        lines.append(DiffLine(kind=kind, text=text, **number))  # type: ignore[arg-type]
        old, new = old + (kind != "+"), new + (kind != "-")
    return Hunk(path=path, lines=tuple(lines))


def make_history(seed: int, pulls: int = 210) -> list[Pair]:
    """Comments at random places of random code, on windows cut as everywhere."""
    draw = random.Random(seed)
    pairs = []
    for pull in range(1, pulls + 1):
        hunk = make_hunk(draw, f"{draw.choice(('app', 'lib', 'tests'))}/{draw.choice(NAMES)}.py")
        split: Split = "train" if pull < 50 else "calibration" if pull < 130 else "test"
        for place, window in enumerate(windows(hunk, 24)):
            message, row = "", 1
            if draw.random() < 0.4:
                message = f"Please look at {draw.choice(NAMES)} again."
                row = draw.randint(1, len(window.lines))
            more = {"id": f"{pull}-{place}", "pull": pull, "decided_at": day(pull), "split": split}
            pairs.append(make_pair(window, message, row, **more))
    return pairs


def label(pairs: list[Pair]) -> tuple[list[Labelled], list[Labelled]]:
    recall = Recall(index_entries(pairs))
    rows = [
        [label_window(p, recall) for p in pairs if p.split == s] for s in ("calibration", "test")
    ]
    return rows[0], rows[1]


def measure(calibration: list[Labelled], test: list[Labelled]) -> Interval:
    """AUC on test of a gate on every cheap feature."""
    names = tuple(test[0].features)
    gate = fit_gate(calibration, names=names, alone=())
    assert gate.method == "logistic"
    ranking = Ranking([gate.probability(row.features) for row in test], [r.remarked for r in test])
    return Bootstrap([row.group for row in test], resamples=200).interval(ranking.auc)


def is_chance(found: list[Interval]) -> bool:
    """Of many controls few may miss 0.5 by chance, and all together must not lean."""
    values = [one.value for one in found if one.value is not None]
    covered = sum(one.low <= 0.5 <= one.high for one in found if one.low and one.high)
    return covered >= 0.8 * len(found) and abs(float(np.mean(values)) - 0.5) < 0.05


def test_the_gate_finds_nothing_where_labels_are_shuffled() -> None:
    calibration, test = label(make_history(1))
    found = []
    for seed in range(12):
        draw = np.random.default_rng(seed)
        found.append(measure(shuffled(calibration, draw), shuffled(test, draw)))
    assert is_chance(found), found


def shuffled(rows: list[Labelled], draw: np.random.Generator) -> list[Labelled]:
    kinds = [rows[i].kind for i in draw.permutation(len(rows))]
    return [msgspec.structs.replace(r, kind=k) for r, k in zip(rows, kinds, strict=True)]


def test_the_gate_finds_nothing_where_comments_stand_at_random() -> None:
    found = [measure(*label(make_history(seed))) for seed in range(8)]
    assert is_chance(found), found


def test_the_control_would_see_a_window_that_ends_at_the_comment() -> None:
    def cut(pair: Pair) -> Pair:
        if pair.kind != "remark" or pair.window is None:
            return pair
        end = int(pair.response.split("\n")[0][1:])
        return msgspec.structs.replace(
            pair, window=msgspec.structs.replace(pair.window, lines=pair.window.lines[:end])
        )

    found = [measure(*label([cut(p) for p in make_history(seed)])) for seed in range(3)]
    assert not is_chance(found)


@pytest.fixture
def mine_remark(tmp_path: Path) -> Callable[[int], list[Pair]]:
    """Mines a pull request of 60 new lines with one remark, on a line of our choice."""
    tiny = TinyGit(tmp_path / "repo")
    base = tiny.commit({"a.py": "import os\n"})
    text = "".join(f"value_{n} = read({n})\n" + "\n" * (n % 9 == 0) for n in range(60))
    head = tiny.commit({"a.py": "import os\n" + text})
    final = tiny.commit({"a.py": "import os\n" + text.replace("read", "load")})
    revisions = tuple(
        Revision(number=n, sha=sha, base_sha=base, pushed_at=mining_day(1 + n / 10))
        for n, sha in enumerate((head, final), 1)
    )

    def mine(line: int) -> list[Pair]:
        thread = make_thread(head, line, resolved=True)
        review = Review(reviewer="ann", association="MEMBER", revision=head, at=mining_day(1.2))
        change = make_change(make_pull(1, revisions), thread, reviews=(review,))
        settings = MiningSettings(tiers=("A", "B", "C", "D"), shares=(0.0, 0.0, 0.0, 1.0))
        repository = open_repository(tiny.folder)
        examples, _ = build_examples([change], repository, settings)
        return to_pairs(examples, settings)[0]

    return mine


def test_mined_windows_have_the_same_features_wherever_the_comment_stood(
    mine_remark: Callable[[int], list[Pair]],
) -> None:
    recall = Recall(index_entries(make_history(1)))
    seen = []
    for line in (5, 21, 60):
        pairs = mine_remark(line)
        assert [pair.kind for pair in pairs].count("remark") == 1
        assert len(pairs) > 2
        rows = {pair.instruction: label_window(pair, recall).features for pair in pairs}
        seen.append(rows)
    assert seen[0] == seen[1] == seen[2]
