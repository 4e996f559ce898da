"""Pairs that no evaluation could be honest on are refused, by name."""

from collections import Counter
from collections.abc import Sequence

from finetune.features import pull_of
from postil.errors import ConfigError
from postil.records import Pair


def check_parts(pairs: Sequence[Pair]) -> None:
    """ConfigError for an id that comes twice, and for a test pull request that also teaches."""
    counts = Counter(pair.id for pair in pairs)
    twice = next((name for name, count in counts.items() if count > 1), None)
    if twice is not None:
        raise ConfigError(f"pair {twice} is there {counts[twice]} times: ids must be unique")
    parts: dict[str, str] = {}
    for pair in pairs:
        if pair.window and pair.split != "test":
            parts.setdefault(pull_of(pair), pair.split)
    for pair in pairs:
        if pair.window and pair.split == "test" and pull_of(pair) in parts:
            raise ConfigError(
                f"{pull_of(pair)} is in the test part and in the {parts[pull_of(pair)]} part:"
                " what was learned on cannot be measured on; build the dataset again"
            )
