"""peft without bitsandbytes, which it imports whether or not any weight is packed.

That import draws in torch's compiler and takes a quarter of a cold start; only weights packed in
NF4 need it, and they are loaded with it before (benchmarks/review.py measures cold starts).
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

PACKED = "bitsandbytes"


@contextmanager
def without_packed() -> Iterator[None]:
    """bitsandbytes counts as not installed, unless it is loaded already. Not for two threads."""
    modules: dict[str, Any] = sys.modules
    if PACKED in modules:
        yield
        return
    modules[PACKED] = None
    try:
        yield
    finally:
        del modules[PACKED]
        is_bnb_available.cache_clear()
        is_bnb_4bit_available.cache_clear()


with without_packed():
    from peft import LoraConfig, PeftModel, PeftModelForCausalLM, get_peft_model
    from peft.import_utils import is_bnb_4bit_available, is_bnb_available
    from peft.tuners.lora import Linear

__all__ = [
    "Linear",
    "LoraConfig",
    "PeftModel",
    "PeftModelForCausalLM",
    "get_peft_model",
    "without_packed",
]
