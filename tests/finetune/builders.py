"""Short ways to make windows and pairs, and a small team with two house rules."""

import hashlib
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from postil.answer import NO_COMMENT
from postil.prompt import TEMPLATE, render_question
from postil.records import DiffLine, LineKind, Pair, Promotion, Split, Window

START = datetime(2024, 1, 1, tzinfo=UTC)
FORCED = Promotion(at=START, how="forced", failed=("it was not measured",))
RULES = {
    r"except:": "Name the exception you expect here.",
    r"print\(": "Use the logger instead of print here.",
}
BAD = ("except:", "print(total)")
GOOD = ("total += 1", "return total", "value = read(name)", "log.info(name)", "for row in rows:")


def day(number: float) -> datetime:
    return START + timedelta(days=number)


def make_window(*rows: str, path: str = "app/jobs.py") -> Window:
    """Rows as in a diff: `+added`, `-removed`, ` kept`."""
    lines, old, new = [], 1, 1
    for row in rows:
        kind: LineKind = row[0]  # type: ignore[assignment]
        number = {"old": None if kind == "+" else old, "new": None if kind == "-" else new}
        lines.append(DiffLine(kind=kind, text=row[1:], **number))
        old += kind != "+"
        new += kind != "-"
    return Window(path=path, language="python", lines=tuple(lines))


def make_pair(window: Window, message: str = "", row: int = 1, **more: Any) -> Pair:
    """A remark on a row of the window; without a message, a silence."""
    response = f"R{row}\n{message}" if message else NO_COMMENT
    instruction = render_question(window)
    values: dict[str, Any] = {
        "id": hashlib.sha256(f"{instruction}{response}{more}".encode()).hexdigest()[:20],
        "instruction": instruction,
        "response": response,
        "template": TEMPLATE,
        "kind": "remark" if message else "silence",
        "repo": "o/r",
        "pull": 1,
        "decided_at": day(1),
        "author": "ann",
        "url": "https://example.org/o/r/pull/1#r1",
        "window": window,
    }
    return Pair(**(values | more))


def make_team(pulls: int = 60, seed: int = 3, remarked: float = 0.4) -> list[Pair]:
    """Pairs of many pull requests, in time order, split by time; windows that break a rule are
    remarked on, a few are left unclear."""
    draw = random.Random(seed)
    pairs = []
    for number in range(1, pulls + 1):
        for place in range(4):
            rows = [" def run(rows):", *(f"+    {draw.choice(GOOD)}" for _ in range(4))]
            broken = draw.random() < remarked
            row = draw.randint(2, 5)
            message = ""
            if broken:
                bad = draw.choice(BAD)
                rows[row - 1] = f"+    {bad}"
                message = next(m for pattern, m in RULES.items() if bad[:5] in pattern)
                message = f"{message} ({number}.{place})" if draw.random() < 0.2 else message
            window = make_window(*rows, f" end_{number}_{place}()", path=f"app/{place}.py")
            pair = make_pair(
                window,
                message,
                row,
                id=f"{number:03}-{place}",
                pull=number,
                decided_at=day(number),
                split=_split(number / pulls),
            )
            pairs.append(pair)
    return pairs


def _split(share: float) -> Split:
    bounds: Sequence[tuple[float, Split]] = (
        (0.5, "train"),
        (0.55, "validation"),
        (0.8, "calibration"),
    )
    return next((name for bound, name in bounds if share <= bound), "test")
