"""What to do with few accepted remarks. Pure."""

from collections.abc import Iterable

from postil.records import Pair

FEW_REMARKS = 500
"""Accepted remarks below which retrieval with the gate is the honest way to run: 397 of them taught
the embedded base a team's style, not what to say (docs/log.md, 2026-11-24)."""


def advise(pairs: Iterable[Pair]) -> str | None:
    """One line that recommends retrieval; None where there is enough to train on.

    Pairs from elsewhere, which have no windows, cannot be recalled.
    """
    count = sum(pair.kind == "remark" and pair.window is not None for pair in pairs)
    if not 0 < count < FEW_REMARKS:
        return None
    return (
        f"{count} accepted remarks, under {FEW_REMARKS}, teach a model the team's style but hardly"
        " what to say; recommended: postil train --mode retrieval, which quotes them"
    )
