"""What is learned from, and what an adapter is."""

from datetime import datetime
from typing import Literal

from postil.records.base import Record, Tier, Window

Split = Literal["train", "validation", "calibration", "test"]

ExampleKind = Literal["remark", "silence", "ambiguous"]


class Acceptance(Record, frozen=True, kw_only=True):
    """Every signal seen that a remark was heeded, and the tier they add up to (None: none)."""

    suggestion_applied: bool | None = None
    lines_changed: bool | None = None
    acknowledged: bool | None = None
    resolved: bool | None = None
    tier: Tier | None = None


class Example(Record, frozen=True, kw_only=True):
    """A remark, a silence or an ambiguous window, before it is put into words."""

    id: str
    kind: ExampleKind
    window: Window
    response: str
    repo: str
    pull: int
    title: str
    revision: str
    decided_at: datetime
    author: str = ""
    tier: Tier | None = None
    url: str
    located: bool = True
    """False: the commit is gone and the window came from the stored hunk, which ends where the
    remark stood: it is remembered and teaches wording, and is no example of where to speak."""
    newcomer: bool | None = None
    """Whether it was the first change of its author here."""
    origin: str = ""
    """The name under which a person's decision about it is kept."""


class Pair(Record, frozen=True, kw_only=True):
    """One instruction/response pair. Pairs from elsewhere carry only these two texts."""

    id: str
    instruction: str
    response: str
    template: str = ""
    split: Split = "train"
    kind: ExampleKind = "remark"
    example: str = ""
    repo: str = ""
    pull: int = 0
    decided_at: datetime | None = None
    author: str = ""
    tier: Tier | None = None
    url: str = ""
    licence: str = ""
    located: bool = True
    newcomer: bool | None = None
    origin: str = ""
    window: Window | None = None


class LoraShape(Record, frozen=True, kw_only=True):
    """The size and place of the low-rank matrices."""

    rank: int
    alpha: int
    dropout: float
    targets: tuple[str, ...]


class Promotion(Record, frozen=True, kw_only=True):
    """That an adapter was let to speak, and against what."""

    at: datetime
    how: Literal["earned", "forced", "shadow"]
    """In `shadow` it is recorded what it would say, whatever the settings."""
    failed: tuple[str, ...] = ()
    """The checks that said no; empty where it was earned."""


class AdapterCard(Record, frozen=True, kw_only=True):
    """What an adapter is; written last into its folder, and checked before every load."""

    schema: int = 1
    name: str
    repo: str
    base: str
    base_revision: str
    base_sha256: str
    template: str
    window_lines: int
    max_length: int
    data_sha256: str
    pairs: int
    mode: str
    lora: LoraShape | None = None
    scoring: dict[str, str]
    """How scores were computed (dtype, quantisation, engine); another path needs recalibration."""
    seed: int
    libraries: dict[str, str]
    files: dict[str, str]
    """sha256 of every other file in the folder, by name."""
    metrics: dict[str, float]
    threshold: float | None = None
    parent: str | None = None
    created_at: datetime
    promotion: Promotion | None = None
    """The last one; None: it was never let speak. Nothing else of a published card changes."""
    seen_until: datetime | None = None
    """When the youngest pull request was decided that training, early stopping or calibration saw;
    None: an earlier release made it, and `created_at` is all that is known."""
    pooled: tuple[str, ...] = ()
    """The repositories it was trained on, where there are several."""

    @property
    def has_weights(self) -> bool:
        """False in retrieval mode, which only remembers: it has no base either."""
        return self.mode != "retrieval"
