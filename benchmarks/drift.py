"""How often drift is told where there is none, and how soon where there is, on made-up series.

    python -m benchmarks.drift [SERIES]

Four people decide; each series is looked at after every ten remarks, as a server does.
"""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from statistics import median

from bot.outcomes.drift import find_drift
from postil.records import Outcome

START = datetime(2026, 1, 1, tzinfo=UTC)
BEFORE, AFTER = 60, 500
EVERY = 10


def remark(number: int, adapter: str, acted: bool) -> Outcome:
    """One judged remark, in a pull request of its own."""
    at = START + timedelta(hours=number)
    return Outcome(
        repo="o/r",
        pull=number,
        key=str(number),
        said_by="postil",
        adapter=adapter,
        head_sha="",
        path="a.py",
        line=1,
        category="naming",
        said_at=at,
        closed_at=at,
        verdict="acted on" if acted else "passed over",
        decided_by=f"person-{number % 4}",
    )


def series(seed: int, before: int, after: int, rates: tuple[float, float]) -> list[Outcome]:
    """Remarks of one adapter, then of the live one."""
    chance = Random(seed)
    return [
        remark(n, "one" if n < before else "two", chance.random() < rates[n >= before])
        for n in range(before + after)
    ]


def first_alarm(outcomes: Sequence[Outcome], before: int) -> int | None:
    """After how many remarks of the live adapter it is told; None: never."""
    for end in range(before + EVERY, len(outcomes) + 1, EVERY):
        if find_drift("o/r", "two", outcomes[:end], [], 1 / 3):
            return end - before
    return None


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    for rate in (0.1, 1 / 3, 0.5):
        calm = [series(seed, BEFORE, AFTER, (rate, rate)) for seed in range(count)]
        false = sum(first_alarm(one, BEFORE) is not None for one in calm)
        fallen = [series(seed, 2 * BEFORE, 180, (rate, rate / 3)) for seed in range(count)]
        found = [at for one in fallen if (at := first_alarm(one, 2 * BEFORE))]
        soon = f", after {median(found):.0f} remarks at the median" if found else ""
        print(f"rate {rate:.2f}: told without a change in {false} of {count} series;", end=" ")
        print(f"a fall to a third found in {len(found)} of {count}{soon}")


if __name__ == "__main__":
    main()
