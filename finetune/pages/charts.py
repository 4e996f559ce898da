"""Curves as places on a small drawing; `parts.html` writes them as SVG. Pure.

A chart is drawn in the page's own colours, light or dark, which a picture made by matplotlib could
not follow. One unit of the drawing is about one pixel on a phone.
"""

from collections.abc import Sequence
from math import ceil, floor, log10
from typing import Literal

from postil.records import Record

Ink = Literal["ours", "theirs", "plain", "bad"]
Point = tuple[float, float]
MOST_POINTS = 400
"""Of one line: more cannot be told apart on a screen."""
SMOOTHED = 50
"""A smoothed line is a mean over a share of one in so many of its values."""


class Axis(Record, frozen=True, kw_only=True):
    """What is shown from `low` to `high`, and where there are numbers."""

    name: str
    low: float = 0.0
    high: float = 1.0
    ticks: tuple[float, ...] = (0.0, 0.25, 0.5, 0.75, 1.0)
    digits: int = 2

    def show(self, value: float) -> str:
        """A number at a tick."""
        return f"{value:,.{self.digits}f}"

    def share(self, value: float) -> float:
        """How far along the axis a value lies, from 0 to 1; what is beyond stays at its end."""
        return min(1.0, max(0.0, (value - self.low) / ((self.high - self.low) or 1.0)))


class Line(Record, frozen=True, kw_only=True):
    """A curve, and what it is called in the legend."""

    name: str
    points: tuple[Point, ...]
    ink: Ink = "ours"
    dashed: bool = False


class Dot(Record, frozen=True, kw_only=True):
    """A point, with the interval of its height and words beside it, where there are such."""

    x: float
    y: float
    name: str
    low: float | None = None
    high: float | None = None
    label: str = ""
    ink: Ink = "ours"
    size: float = 3.5


class Rule(Record, frozen=True, kw_only=True):
    """A place on the horizontal axis, from top to bottom."""

    at: float
    name: str


class Chart(Record, frozen=True, kw_only=True):
    """A drawing with two axes. `told`: what it shows, for who cannot see it."""

    title: str
    told: str
    x: Axis
    y: Axis
    lines: tuple[Line, ...] = ()
    dots: tuple[Dot, ...] = ()
    rules: tuple[Rule, ...] = ()
    width: int = 360
    height: int = 250
    left: int = 40
    top: int = 24

    @property
    def across(self) -> int:
        """Width of the frame."""
        return self.width - self.left - 14

    @property
    def down(self) -> int:
        """Height of the frame."""
        return self.height - self.top - 36

    def place_x(self, value: float) -> float:
        """Where a value of the horizontal axis lies."""
        return round(self.left + self.across * self.x.share(value), 1)

    def place_y(self, value: float) -> float:
        """Where a value of the vertical axis lies; down is more in a drawing."""
        return round(self.top + self.down * (1 - self.y.share(value)), 1)

    def path(self, points: Sequence[Point]) -> str:
        """The corners of a curve."""
        return " ".join(f"{self.place_x(x)},{self.place_y(y)}" for x, y in thin(points))

    def is_right(self, value: float) -> bool:
        """Whether words beside it must stand to its left."""
        return self.x.share(value) > 0.55

    def is_below(self, x: float, y: float) -> bool:
        """Whether words beside a point stand below it: at the top, and where curves have fallen."""
        high = self.y.share(y)
        return high > 0.85 or (self.is_right(x) and high > 0.2)


def thin(points: Sequence[Point]) -> Sequence[Point]:
    """At most so many points that each can be seen, the first and the last among them."""
    if len(points) <= MOST_POINTS:
        return points
    step = (len(points) - 1) / (MOST_POINTS - 1)
    return [points[round(number * step)] for number in range(MOST_POINTS)]


def even_axis(name: str, values: Sequence[float], most: int = 5) -> Axis:
    """An axis around all values, with at most about `most` round numbers on it."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    rough = ((high - low) or abs(high) or 1.0) / most
    power = 10.0 ** floor(log10(rough))
    step = next(power * n for n in (1, 2, 5, 10) if power * n >= rough * 0.999)
    first, last = floor(low / step), max(ceil(high / step), floor(low / step) + 1)
    return Axis(
        name=name,
        low=first * step,
        high=last * step,
        ticks=tuple(number * step for number in range(first, last + 1)),
        digits=max(0, -floor(log10(step))),
    )


def smoothed(values: Sequence[float]) -> list[float]:
    """The mean of each value and those before it."""
    width = max(1, len(values) // SMOOTHED)
    means, window = [], 0.0
    for at, value in enumerate(values):
        window += value - (values[at - width] if at >= width else 0.0)
        means.append(window / min(at + 1, width))
    return means
