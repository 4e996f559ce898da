"""The key of a base model's cache tells all that what is kept beside it hangs on."""

from importlib.metadata import version

import pytest
from msgspec.structs import replace

from bot.action.caching import base_key
from finetune.base_model import KEPT_FORMAT
from tests.bot.memory_adapter import memory_card


@pytest.mark.parametrize("precision", ["nf4", "nf4-fp32"])
def test_the_key_of_a_packed_base_names_what_packed_it(precision: str) -> None:
    card = replace(memory_card(), base_sha256="a" * 64, scoring={"precision": precision})
    libraries = f"{version('bitsandbytes')}-{version('transformers')}"
    assert base_key(card) == f"{'a' * 32}-nf4-{libraries}-{KEPT_FORMAT}"


@pytest.mark.parametrize("scoring", [{}, {"precision": "bf16"}, {"precision": "fp32"}])
def test_the_key_of_any_other_base_is_that_of_its_weights(scoring: dict[str, str]) -> None:
    card = replace(memory_card(), base_sha256="b" * 64, scoring=scoring)
    assert base_key(card) == "b" * 32
