import json
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file

from finetune.base_model import BaseModel, find_base
from finetune.cards import WEIGHTS
from finetune.engines.local import LocalEngine
from finetune.loaded_base import Precision, load_base
from finetune.merge import merge
from finetune.training.train import prepare
from postil.answer import anchors
from postil.cli import postil
from postil.errors import AdapterError, ConfigError, PostilError
from postil.prompt import render_question
from postil.settings import TrainSettings
from tests.finetune.builders import make_team, make_window
from tests.finetune.small_adapters import add_adapter

WINDOWS = [make_window(f"+value_{n} = {n}", " kept()", f"-gone({n})") for n in range(12)]
QUESTIONS = [render_question(window) for window in WINDOWS]
PLACES = [anchors(window)[0] for window in WINDOWS]
TOKENS = 12
BF16_STEP = 2.0**-8
"""Relative distance of neighbouring bf16 numbers (8 bits of mantissa with the hidden one)."""

KINDS: dict[str, tuple[dict[str, Any], Precision]] = {
    "lora": ({}, "bf16"),
    "qlora": ({"mode": "qlora"}, "nf4"),
    "rslora": ({"rslora": True, "rank": 8}, "bf16"),
    "dora": ({"dora": True}, "bf16"),
    "qdora": ({"mode": "qlora", "dora": True}, "nf4"),
    "wide": ({"mode": "qlora", "dtype": "float32"}, "nf4-fp32"),
}


def greedy(engine: LocalEngine, prompt: list[int]) -> list[int]:
    """What `generate` writes after a prompt by itself."""
    ids = torch.tensor([prompt])
    out = engine.model.generate(
        input_ids=ids,
        attention_mask=torch.ones_like(ids),
        max_new_tokens=TOKENS,
        do_sample=False,
        eos_token_id=engine.chat.end,
        pad_token_id=engine.chat.end,
    )
    written: list[int] = out[0, ids.shape[1] :].tolist()
    return written


@torch.inference_mode()
def tied(engine: LocalEngine, prompt: list[int], ours: list[int], theirs: list[int]) -> bool:
    """Whether two texts part where the engine itself has two best tokens that bf16 cannot tell
    apart; a base of random weights comes by such places often."""
    at = next(i for i, (a, b) in enumerate(zip(ours, theirs, strict=True)) if a != b)
    logits = engine.model(torch.tensor([[*prompt, *ours[:at]]])).logits[0, -1].float()
    best = logits.max()
    gap = best - min(logits[ours[at]], logits[theirs[at]])
    return bool(gap <= 4 * BF16_STEP * best.abs())


@pytest.mark.parametrize("kind", KINDS)
def test_the_merged_model_says_what_base_and_adapter_say(
    base: BaseModel, tmp_path: Path, kind: str
) -> None:
    train, precision = KINDS[kind]
    folder = add_adapter(base, tmp_path / "home", **train)
    out = merge(base, folder, tmp_path / "merged")
    apart = LocalEngine(base, folder, precision=precision)
    bare = LocalEngine(base, None, precision=precision)
    merged = LocalEngine(find_base(str(out), tmp_path), None)
    before, after = apart.score(QUESTIONS), merged.score(QUESTIONS)
    largest = max(abs(value) for value in before)
    assert after == pytest.approx(before, abs=8 * BF16_STEP * largest)
    assert bare.score(QUESTIONS) != pytest.approx(before, abs=8 * BF16_STEP * largest)
    equal = 0
    for text, place in zip(QUESTIONS, PLACES, strict=True):
        question = list(apart.chat.question(text, 512))
        anchored = [*question, *apart.chat.encode(f"{place}\n")]
        for prompt in (question, anchored):
            ours, theirs = greedy(apart, prompt), greedy(merged, prompt)
            assert ours == theirs or tied(apart, prompt, ours, theirs)
        if ours == theirs:
            equal += 1
            written = [engine.write([text], [place], TOKENS) for engine in (apart, merged)]
            assert written[0] == written[1]
    assert 2 * equal > len(QUESTIONS)  # the others are ties of two words


@pytest.mark.parametrize("kind", ["lora", "rslora", "qlora", "wide"])
def test_every_merged_weight_is_the_rounded_sum(base: BaseModel, tmp_path: Path, kind: str) -> None:
    """The sum is formed here by hand, on the values of the base as it was trained on."""
    train, precision = KINDS[kind]
    folder = add_adapter(base, tmp_path / "home", **train)
    merged = load_file(merge(base, folder, tmp_path / "merged") / "model.safetensors")
    low = {name: value.float() for name, value in load_file(folder / WEIGHTS).items()}
    rank = train.get("rank", 4)
    scale = 32 / (rank**0.5 if train.get("rslora") else rank)
    changed = 0
    for name, value in load_base(base, precision).state_dict().items():
        if name == "lm_head.weight":  # tied
            continue
        expected = value.float()
        stem = f"base_model.model.{name.removesuffix('.weight')}"
        if f"{stem}.lora_A.weight" in low:
            expected += scale * low[f"{stem}.lora_B.weight"] @ low[f"{stem}.lora_A.weight"]
            changed += 1
        torch.testing.assert_close(merged[name].float(), expected, rtol=BF16_STEP, atol=1e-6)
    assert changed == 14


def test_a_merged_folder_says_where_it_is_from_and_can_be_trained_on(
    base: BaseModel, tmp_path: Path
) -> None:
    folder = add_adapter(base, tmp_path / "home", mode="qlora")
    (base.folder / "LICENSE").write_text("Do as you like.")
    out = merge(base, folder, tmp_path / "deep" / "merged")
    card = (out / "README.md").read_text()
    for said in (base.name, base.sha256, folder.name, "as NF4 rounded them", "Licence"):
        assert said in card
    assert (out / "LICENSE").read_text() == "Do as you like."
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= {p.name for p in out.iterdir()}
    config = json.loads((out / "config.json").read_text())
    assert config["dtype"] == "bfloat16" and "quantization_config" not in config
    assert list(out.parent.iterdir()) == [out]
    again = find_base(str(out), tmp_path)
    assert again.sha256 != base.sha256
    plan = prepare(make_team(pulls=4), TrainSettings(max_length=512, rank=4), again).plan
    assert plan.mode == "qlora"
    (base.folder / "LICENSE").unlink()


def test_what_cannot_be_merged_is_refused_and_leaves_nothing(
    base: BaseModel, tmp_path: Path
) -> None:
    whole = add_adapter(base, tmp_path / "home", mode="full")
    with pytest.raises(AdapterError, match="is a whole model already: copy it"):
        merge(base, whole, tmp_path / "merged")
    folder = add_adapter(base, tmp_path / "home")
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "notes").touch()
    with pytest.raises(ConfigError, match="is there already and not empty"):
        merge(base, folder, tmp_path / "used")
    assert {path.name for path in tmp_path.iterdir()} == {"home", "used"}


def test_the_command_merges_and_refuses_four_bits_in_one_line(
    base: BaseModel, tmp_path: Path
) -> None:
    folder = add_adapter(base, tmp_path / "home")
    words = ["merge", folder.name[:6], "--repo", "o/r", "--home", str(tmp_path / "home")]
    words += ["--out", str(tmp_path / "merged")]
    refused = CliRunner().invoke(postil, [*words, "--precision", "nf4"]).exception
    assert isinstance(refused, PostilError) and refused.exit_code == 2
    assert "would round the sum anew" in str(refused) and "\n" not in str(refused)
    done = CliRunner().invoke(postil, words)
    assert done.exit_code == 0, done
    assert f"{folder.name} merged into {base.name}" in done.stdout
    assert find_base(str(tmp_path / "merged"), tmp_path).revision == "local"
