"""finetune/engines/kept.py: nothing is asked twice, and what is remembered is what was said."""

from pathlib import Path

import pytest

from finetune.base_model import BaseModel
from finetune.cards import WEIGHTS
from finetune.engines import Engine
from finetune.engines.kept import AT_ONCE, FILE, MODELS, KeptEngine, name_model
from finetune.engines.local import LocalEngine
from postil.answer import Anchor
from tests.fakes import FakeEngine

RULES = {r"print\(": "Log it instead."}
BROKEN, CLEAN = "+print(1) R1", "+total = 1 R1"
FIRST = Anchor(side="R", start=1, end=1)


def everything(engine: Engine) -> list[object]:
    return [
        engine.score([BROKEN, CLEAN]),
        engine.anchor_scores(BROKEN, [FIRST]),
        engine.write([BROKEN, CLEAN], [FIRST, FIRST], 8),
        engine.loss([BROKEN, BROKEN], ["R1\nLog it instead.", "NO_COMMENT"]),
        engine.plain_loss(["one two", "three"]),
    ]


def test_it_says_what_the_engine_says_and_asks_it_once(tmp_path: Path) -> None:
    fake = FakeEngine(RULES)
    expected = everything(FakeEngine(RULES))
    assert everything(KeptEngine(tmp_path, "m", lambda: fake)) == expected
    once = dict(fake.asked)
    assert set(once.values()) == {1}
    assert everything(KeptEngine(tmp_path, "m", lambda: fake)) == expected
    assert fake.asked == once


def test_a_model_that_need_not_be_asked_is_not_loaded(tmp_path: Path) -> None:
    everything(KeptEngine(tmp_path, "m", lambda: FakeEngine(RULES)))

    def never() -> Engine:
        raise AssertionError

    everything(KeptEngine(tmp_path, "m", never))
    with pytest.raises(AssertionError):
        everything(KeptEngine(tmp_path, "another", never))


def test_only_what_is_new_is_asked_and_a_killed_run_keeps_what_it_had(tmp_path: Path) -> None:
    seen: list[int] = []

    class Counts(FakeEngine):
        def score(self, instructions: object) -> list[float]:
            assert isinstance(instructions, list)
            seen.append(len(instructions))
            if len(seen) == 2:
                raise KeyboardInterrupt
            return [float(text) for text in instructions]

    asked = [str(number) for number in range(AT_ONCE + 6)]
    kept = KeptEngine(tmp_path, "m", lambda: Counts(RULES))
    with pytest.raises(KeyboardInterrupt):
        kept.score(asked)
    assert kept.score(asked) == [float(text) for text in asked]
    assert seen == [AT_ONCE, 6, 6]


def test_the_question_decides_not_its_place(tmp_path: Path) -> None:
    kept = KeptEngine(tmp_path, "m", lambda: FakeEngine(RULES))
    forth = kept.score([BROKEN, CLEAN, BROKEN])
    assert kept.score([CLEAN, BROKEN]) == [forth[1], forth[0]]
    assert kept.write([BROKEN], [FIRST], 1) != kept.write([BROKEN], [FIRST], 8)


def test_without_a_place_to_keep_it_the_engine_is_asked_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / FILE).mkdir()
    fake = FakeEngine(RULES)
    kept = KeptEngine(tmp_path, "m", lambda: fake)
    assert everything(kept) == everything(kept)
    assert fake.asked["score"] == 2
    assert "readings=not kept" in caplog.text


def test_what_cannot_be_read_is_asked_again(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"no database" * 500)
    fake = FakeEngine(RULES)
    assert KeptEngine(tmp_path, "m", lambda: fake).score([CLEAN]) == [-3.0]


def test_only_the_models_asked_last_are_remembered(tmp_path: Path) -> None:
    for number in range(MODELS + 1):
        KeptEngine(tmp_path, str(number), lambda: FakeEngine(RULES)).score([CLEAN])
    first, second = FakeEngine(RULES), FakeEngine(RULES)
    KeptEngine(tmp_path, "1", lambda: second).score([CLEAN])
    KeptEngine(tmp_path, "0", lambda: first).score([CLEAN])
    assert (first.asked["score"], second.asked["score"]) == (1, 0)


def test_a_model_that_is_asked_from_memory_stays_remembered(tmp_path: Path) -> None:
    base = FakeEngine(RULES)
    KeptEngine(tmp_path, "base", lambda: base).score([BROKEN])
    for number in range(MODELS * 2):
        KeptEngine(tmp_path, f"adapter {number}", lambda: FakeEngine(RULES)).score([CLEAN])
        KeptEngine(tmp_path, "base", lambda: base).score([BROKEN])
    assert base.asked["score"] == 1


def test_a_model_s_name_changes_with_all_that_decides(tmp_path: Path) -> None:
    names = {
        name_model("a", "bf16", 512, None),
        name_model("b", "bf16", 512, None),
        name_model("a", "fp32", 512, None),
        name_model("a", "bf16", 1024, None),
    }
    (tmp_path / WEIGHTS).write_bytes(b"1")
    names.add(name_model("a", "bf16", 512, tmp_path))
    (tmp_path / "adapter_config.json").write_text("{}")
    names.add(name_model("a", "bf16", 512, tmp_path))
    (tmp_path / WEIGHTS).write_bytes(b"2")
    names.add(name_model("a", "bf16", 512, tmp_path))
    assert len(names) == 7


def test_a_real_model_says_the_same_from_memory(base: BaseModel, tmp_path: Path) -> None:
    kept = KeptEngine(tmp_path, "m", lambda: LocalEngine(base, None, precision="fp32"))
    assert everything(kept) == everything(KeptEngine(tmp_path, "m", lambda: FakeEngine({})))
