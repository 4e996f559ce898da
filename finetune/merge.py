"""An adapter and its base -> one stand-alone 16-bit model folder that needs no peft.

The sum is formed in 32 bits on the values the adapter was trained on: for NF4 those are the
dequantised ones, not the base's own. It is written aside and renamed: whole or absent.
"""

import shutil
import tempfile
from pathlib import Path
from typing import Any, cast

import torch

from finetune.base_model import BaseModel
from finetune.cards import digest_card, load_card
from finetune.embedded_base import EMBEDDED
from finetune.engines.local import check_base, put_on
from finetune.files import sync
from finetune.loaded_base import Precision, load_base, load_tokenizer
from postil.errors import AdapterError, ConfigError
from postil.records import AdapterCard

LEGAL = ("LICENSE*", "LICENCE*", "NOTICE*", "COPYING*")
"""Files of the base that go with every copy of it."""

CARD = """\
---
base_model: {base}
library_name: transformers
tags: [postil, merged]
---

# {name}, merged

A low-rank adapter that Postil trained for `{repo}`, merged into its base; it loads without peft.

| | |
|---|---|
| base | `{base}`, revision `{revision}`, sha256 of its weights `{base_sha256}` |
| adapter | `{adapter}`, {mode}, {pairs} pairs, data sha256 `{data}` |
| merged into | {merged_into} |
| held in | bfloat16 |
| template | `{template}` |

**Not in here:** the adapter's gate and its index of past remarks. `postil review` wants the
adapter; this folder is for other programs, or to train on (`postil train --base FOLDER`).

**Licence.** This is a derivative of the base, whose licence holds for it: {licence}.
What the team's own review comments were given under holds for what was learned from them.
"""


def merge(base: BaseModel, adapter: Path, out: Path) -> Path:
    """Write the merged model to `out`, which must be new or empty.

    AdapterError for an adapter that cannot be merged, ConfigError for a folder in use.
    """
    card = load_card(adapter)
    check_mergeable(adapter, card, out)
    check_base(adapter, card, base)
    precision = cast(Precision, card.scoring.get("precision", "bf16"))
    model = put_on(_plain(base, precision), adapter).merge_and_unload(safe_merge=True)
    model = model.to(torch.bfloat16)
    model.config.dtype = torch.bfloat16
    out.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=".merging-", dir=out.parent))
    try:
        model.save_pretrained(aside)
        load_tokenizer(base).save_pretrained(aside)
        _copy_licence(base.folder, aside)
        (aside / "README.md").write_text(_describe(card, precision), encoding="utf-8")
        for path in aside.iterdir():
            sync(path)
        aside.chmod(0o755)  # mkdtemp's is for nobody else
        aside.replace(out)
        sync(out.parent)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return out


def check_mergeable(adapter: Path, card: AdapterCard, out: Path) -> None:
    """Refuse what is known to be wrong before anything is loaded."""
    if not card.has_weights:
        raise AdapterError(f"{adapter}: has no weights to merge: it only remembers")
    if card.mode == "full":
        raise AdapterError(f"{adapter}: is a whole model already: copy it")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ConfigError(f"{out}: is there already and not empty; name a new folder")


def _plain(base: BaseModel, precision: Precision) -> Any:
    """The base with the very values that an adapter of this precision is used on, in 32 bits."""
    model: Any = load_base(base, precision)
    if getattr(model, "is_quantized", False):  # too large to be unpacked while loading
        model = model.dequantize(torch.float32 if precision.endswith("fp32") else torch.bfloat16)
    model.hf_quantizer = None
    model.is_quantized = False
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    return model.to("cpu", torch.float32)


def _copy_licence(base: Path, out: Path) -> None:
    for pattern in LEGAL:
        for path in base.glob(pattern):
            if path.is_file():
                shutil.copyfile(path, out / path.name)


def _describe(card: AdapterCard, precision: Precision) -> str:
    dequantised = "the base's weights as NF4 rounded them, which is what the adapter was trained on"
    return CARD.format(
        base=card.base,
        name=card.name,
        repo=card.repo,
        revision=card.base_revision,
        base_sha256=card.base_sha256,
        adapter=digest_card(card),
        mode=card.mode,
        pairs=card.pairs,
        data=card.data_sha256,
        merged_into=dequantised if precision.startswith("nf4") else "the base's own weights",
        template=card.template,
        licence="Apache-2.0" if card.base == EMBEDDED else "see its own card",
    )
