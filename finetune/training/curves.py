"""The curves of a run as one SVG: loss while training, held-out loss, learning rate."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from finetune.pages.charts import smoothed

TRAINED, MEASURED, RATE = "#9aa5b1", "#1f6feb", "#57606a"


def draw_curves(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Draw the rows of a run; the same rows give the same bytes."""
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    steps = [row["step"] for row in rows]
    losses = [row["loss"] for row in rows]
    top.plot(steps, losses, color=TRAINED, alpha=0.35, linewidth=0.8)
    top.plot(steps, smoothed(losses), color=TRAINED, label="training, smoothed")
    held_out = [(row["step"], row["held_out"]) for row in rows if row["held_out"] is not None]
    if held_out:
        top.plot(*zip(*held_out, strict=True), color=MEASURED, marker="o", label="held out")
        best = min(held_out, key=lambda point: point[1])
        note = f"best {best[1]:.3f} at step {best[0]}"
        top.annotate(note, best, (0, -16), textcoords="offset points", ha="center", fontsize=8)
    top.set_ylabel("loss a sample")
    top.margins(y=0.15)
    top.legend(frameon=False, fontsize=8)
    bottom.plot(steps, [row["rate"] for row in rows], color=RATE)
    bottom.set_ylabel("learning rate")
    bottom.set_xlabel("step")
    for axes in (top, bottom):
        axes.spines[["top", "right"]].set_visible(False)
    with mpl.rc_context({"svg.hashsalt": "postil", "svg.fonttype": "none"}):
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})
