"""An adapter that remembers one remark and speaks about every window. No torch."""

from datetime import UTC, datetime
from pathlib import Path

from finetune.adapters import Registry
from finetune.gate import GATE_FILE, Gate, write_gate
from finetune.recall import INDEX_FILE, IndexEntry, write_index
from postil.prompt import TEMPLATE
from postil.records import AdapterCard
from tests.finetune.builders import FORCED

REPO = "team/shop"
WHEN = datetime(2026, 1, 1, tzinfo=UTC)
PAST = IndexEntry(
    message="Log it instead of printing it, please.",
    url="https://github.com/team/shop/pull/3#discussion_r9",
    pull=3,
    decided_at=datetime(2024, 5, 1, tzinfo=UTC),
    path="shop/cart.py",
    language="python",
    text=" def total(self):\n+    print(self.prices)\n     return sum(self.prices)",
    start=2,
    end=2,
)


ALWAYS = Gate(
    method="constant",
    features=(),
    coefficients=(),
    means=(),
    scales=(),
    intercept=2.0,
    threshold=0.5,
    wanted_precision=0.5,
    expected_precision=None,
    expected_recall=None,
    examples=0,
    remarks=0,
    silence_weight=1.0,
    note="of a test",
)


def publish_memory(home: Path) -> Path:
    """Publish and promote it."""
    registry = Registry(home)
    with registry.workspace(REPO) as folder:
        write_index(folder / INDEX_FILE, [PAST])
        write_gate(folder / GATE_FILE, ALWAYS)
        published = registry.publish(folder, memory_card())
    registry.promote(REPO, published, FORCED)
    return published


def memory_card() -> AdapterCard:
    """The card, without its hashes."""
    return AdapterCard(
        name="tiny",
        repo=REPO,
        base="",
        base_revision="",
        base_sha256="",
        template=TEMPLATE,
        window_lines=24,
        max_length=1024,
        data_sha256="0" * 64,
        pairs=1,
        mode="retrieval",
        scoring={"engine": "none", "way": "recall"},
        seed=7,
        libraries={},
        files={},
        metrics={},
        created_at=WHEN,
    )
