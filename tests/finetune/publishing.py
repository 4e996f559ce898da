"""The two processes of the publishing torture: one that publishes until killed, one that reads.

python -m tests.finetune.publishing write|read HOME NUMBER
"""

import json
import signal
import sys
from itertools import count
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from finetune.adapters import Registry
from finetune.cards import WEIGHTS, check_weights, load_card
from postil.errors import AdapterError
from tests.finetune.builders import FORCED
from tests.finetune.test_adapters import card

KEPT = 12
"""Adapters that pruning leaves: more than are published while one is read."""


def publish_once(registry: Registry, name: str) -> None:
    """Publish and promote an adapter whose tensors all hold one random value; prune the oldest."""
    value = torch.randn(1)
    with registry.workspace("o/r") as made:
        tensors = {f"layer_{at}": value.expand(64, 64).contiguous() for at in range(8)}
        save_file(tensors, made / WEIGHTS)
        (made / "adapter_config.json").write_text(json.dumps({"value": float(value)}))
        folder = registry.publish(made, card(name=name))
    registry.promote("o/r", folder, FORCED)
    registry.prune("o/r", KEPT)


def publish_for_ever(home: Path, number: int) -> None:
    """Until killed."""
    torch.manual_seed(number)
    for turn in count():
        publish_once(Registry(home), f"{number}.{turn}")


def read(home: Path) -> None:
    """Poll the current adapter until interrupted; says what was seen as JSON."""
    registry = Registry(home)
    stopped: list[int] = []
    signal.signal(signal.SIGINT, lambda *_: stopped.append(1))
    seen: set[str] = set()
    reads = damaged = 0
    faults: list[str] = []
    print("reading", flush=True)
    while not stopped:
        try:
            folder = registry.current("o/r")
            assert folder is not None
            load_card(folder)
            check_weights(folder)
            values = {float(part.flatten()[0]) for part in load_file(folder / WEIGHTS).values()}
            told = json.loads((folder / "adapter_config.json").read_text())["value"]
            assert values == {told}
            seen.add(folder.name)
        except (AdapterError, AssertionError, OSError, ValueError) as error:
            damaged += 1
            faults.append(f"{type(error).__name__}: {error}")
        reads += 1
    found = {"reads": reads, "adapters_seen": len(seen), "damaged": damaged}
    print(json.dumps(found | ({"faults": faults[:3]} if faults else {})))


if __name__ == "__main__":
    read(Path(sys.argv[1]))
