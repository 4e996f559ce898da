"""A model without torch: it knows rules by substring, and misbehaves when it is told to.

As a factory for a child: `tests.bot.stub_model:load`, with `spec` keys `rule:SUBSTRING`, `way`,
`hang` and `crash` (a method's name, or `load`), and `fault`.
"""

import os
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from bot.review import ModelInfo, Recalled
from postil.answer import Anchor
from postil.errors import AdapterError
from postil.prompt import TEMPLATE
from postil.records import Resemblance, Way, Window

PAST = Resemblance(
    url="https://github.com/team/shop/pull/3#discussion_r9",
    when=datetime(2024, 5, 1, tzinfo=UTC),
    similarity=0.8,
)


def stub_info(
    threshold: float | None = 0.5, way: Way = "write", window_lines: int = 24
) -> ModelInfo:
    """What the stub says of itself."""
    return ModelInfo(
        adapter="stub-adapter",
        base="stub-base",
        template=TEMPLATE,
        window_lines=window_lines,
        threshold=threshold,
        way=way,
    )


class StubModel:
    """A `bot.review.Model`; every method's calls are counted in `asked`."""

    def __init__(
        self,
        rules: Mapping[str, str],
        *,
        threshold: float | None = 0.5,
        way: Way = "write",
        window_lines: int = 24,
    ) -> None:
        self.rules = dict(rules)
        self.asked: dict[str, int] = {}
        self.info = stub_info(threshold, way, window_lines)

    def load(self) -> None:
        """Nothing to load."""

    def score(self, instructions: Sequence[str]) -> list[float]:
        """As many as rules are broken."""
        self._count("score")
        return [float(sum(rule in text for rule in self.rules)) for text in instructions]

    def gate(
        self, windows: Sequence[Window], scores: Sequence[float], newcomer: bool | None = None
    ) -> list[float]:
        """Higher the earlier in the file, so that there is a best one."""
        self._count("gate")
        numbers = [window.lines[0].new or window.lines[0].old or 1 for window in windows]
        return [
            0.99 - number / 10_000 if score else 0.01
            for number, score in zip(numbers, scores, strict=True)
        ]

    def anchor_scores(self, window: Window, allowed: Sequence[Anchor]) -> list[float]:
        """Best on the first single row that breaks a rule."""
        self._count("anchor_scores")
        rows = [line.text for line in window.lines]
        broken = [i for i, row in enumerate(rows, 1) if any(rule in row for rule in self.rules)]
        return [
            float(anchor.start == anchor.end == (broken or [1])[0]) - 0.01 * anchor.end
            for anchor in allowed
        ]

    def write(
        self, instructions: Sequence[str], places: Sequence[Anchor], max_tokens: int
    ) -> list[str]:
        """What the first broken rule says."""
        self._count("write")
        return [
            next(said for rule, said in self.rules.items() if rule in text) for text in instructions
        ]

    def recall(self, windows: Sequence[Window], places: Sequence[Anchor]) -> list[list[Recalled]]:
        """One past remark for everything."""
        self._count("recall")
        return [[Recalled(message="Log it instead, please.", resembles=PAST)] for _ in windows]

    def _count(self, method: str) -> None:
        self.asked[method] = self.asked.get(method, 0) + 1


class Misbehaving(StubModel):
    """Hangs or dies in one method, or tells of its surroundings."""

    def __init__(self, spec: Mapping[str, str]) -> None:
        rules = {k.removeprefix("rule:"): v for k, v in spec.items() if k.startswith("rule:")}
        super().__init__(rules, way="recall" if spec.get("way") == "recall" else "write")
        self._spec = dict(spec)

    def _count(self, method: str) -> None:
        super()._count(method)
        misbehave(self._spec, method)

    def write(
        self, instructions: Sequence[str], places: Sequence[Anchor], max_tokens: int
    ) -> list[str]:
        """Where asked for `environment` or `network`, what this process has of it."""
        if list(instructions) == ["environment"]:
            return [f"{key}={value}" for key, value in os.environ.items()] + [str(Path.cwd())]
        if list(instructions) == ["network"]:
            return [try_network()]
        return super().write(instructions, places, max_tokens)


def try_network() -> str:
    """What happens to a connection."""
    import socket

    try:
        socket.create_connection(("127.0.0.1", 9), timeout=1)
    except OSError as error:
        return str(error)
    return "connected"


def misbehave(spec: Mapping[str, str], method: str) -> None:
    """Hang or die where the spec says so; a crash happens once if there is a file to say it."""
    if spec.get("hang") == method:
        time.sleep(60)
    if spec.get("crash") == method:
        os._exit(7)
    if spec.get("raise") == method:
        raise ZeroDivisionError("a bug in the engine")


def load(spec: dict[str, str]) -> StubModel:
    """The factory."""
    misbehave(spec, "load")
    if "fault" in spec:
        raise AdapterError(spec["fault"])
    return Misbehaving(spec)
