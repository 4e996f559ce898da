"""What an adapter is may be read without loading it: above all, whether it may speak."""

from pathlib import Path

import msgspec
import pytest

from bot.model.adapter_info import read_info
from finetune.adapters import Registry
from finetune.retrieval import make_retrieval
from postil.records import Promotion
from postil.settings import Settings
from tests.finetune.builders import FORCED, make_team


@pytest.mark.parametrize(
    ("promotion", "shadow"),
    [
        (None, True),
        (FORCED, False),
        (msgspec.structs.replace(FORCED, how="earned", failed=()), False),
        (msgspec.structs.replace(FORCED, how="shadow"), True),
    ],
    ids=["never promoted", "forced", "earned", "watched"],
)
def test_only_what_was_promoted_to_speak_may_speak(
    tmp_path: Path, promotion: Promotion | None, shadow: bool
) -> None:
    registry = Registry(tmp_path)
    folder = make_retrieval(make_team(20), Settings(), registry, "o/r").folder
    if promotion:
        registry.promote("o/r", folder, promotion)
    assert read_info(folder)[1].shadow == shadow
