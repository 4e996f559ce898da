"""Low-rank matrices on the linear layers of a base: where they sit, and how a CPU computes them.

On a CPU the matrix products of a small model are cheap and everything around them is not: peft
draws a dropout mask as large as the activations and multiplies and adds in passes of their own.
`CpuLora` gives the same numbers with product, scale and sum in one call, forward and backward
(docs/decisions/002-training-loop.md). A GPU, and weights packed in NF4, use peft's own layers.
"""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from finetune.training.peft_alone import (
    Linear,
    LoraConfig,
    PeftModel,
    PeftModelForCausalLM,
    get_peft_model,
    without_packed,
)
from postil.errors import ConfigError
from postil.settings import TrainSettings

ALL = "all-linear"
HEAD = "lm_head"


def add_lora(
    model: Any, settings: TrainSettings, base_name: str, *, own_layers: bool = True
) -> Any:
    """Put new matrices on `model`, in its dtype; ConfigError for unknown targets.

    `own_layers`: whether `CpuLora` may be used; not where the base is sharded.
    """
    wanted = settings.targets
    linear_layers(model, wanted)
    config = LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        use_rslora=settings.rslora,
        use_dora=settings.dora,
        target_modules=ALL if ALL in wanted else list(wanted),
        task_type="CAUSAL_LM",
        base_model_name_or_path=base_name,
    )
    model.name_or_path = base_name  # else peft writes a path of this machine into the adapter
    with _quiet(model):
        config = _on_cpu(config, model) if own_layers else config
        return get_peft_model(model, config, autocast_adapter_dtype=False)


def load_lora(model: Any, folder: Path, name: str = "default") -> Any:
    """Put an adapter's matrices on `model`, beside those it has; the caller has verified the
    folder. ValueError, KeyError or RuntimeError if they do not fit: `model` is then as before."""
    config = LoraConfig.from_pretrained(str(folder))
    assert isinstance(config, LoraConfig)  # noqa: S101 - asked of that very class
    config.inference_mode = True
    config = _on_cpu(config, model)
    first = not isinstance(model, PeftModel)
    with _quiet(model):
        if first:
            model = PeftModelForCausalLM(model, config, name, autocast_adapter_dtype=False)
        else:
            model.add_adapter(name, config, autocast_adapter_dtype=False)
        try:
            loaded = model.load_adapter(str(folder), name, autocast_adapter_dtype=False)
            if loaded.missing_keys:
                raise ValueError(f"no weights for {loaded.missing_keys[0]}")
        except (RuntimeError, ValueError, KeyError):
            if first:
                model.unload()
            else:
                drop_lora(model, name)
            raise
    return model


def drop_lora(model: Any, name: str) -> None:
    """Take one adapter's matrices off a model that holds several; another is active then."""
    with _quiet(model):
        warnings.filterwarnings("ignore", "Adapter .* was active")
        model.delete_adapter(name)


@contextmanager
def _quiet(model: Any) -> Iterator[None]:
    """peft 0.21 asks transformers 5.23 by a name that it warns about."""
    packed = without_packed() if _is_plain(model) else nullcontext()
    with packed, warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*is_gradient_checkpointing.*", FutureWarning)
        yield


def _on_cpu(config: LoraConfig, model: Any) -> LoraConfig:
    """Have peft make `CpuLora` layers where the model's weights are plain and on a CPU."""
    if _is_plain(model):
        config._register_custom_module({nn.Linear: CpuLora})
    return config


def _is_plain(model: Any) -> bool:
    return all(p.device.type == "cpu" and p.is_floating_point() for p in model.parameters())


def linear_layers(model: nn.Module, targets: Sequence[str]) -> list[nn.Linear]:
    """The layers that low-rank matrices sit on; ConfigError names the real ones."""
    layers = {
        name: part
        for name, part in model.named_modules()
        if isinstance(part, nn.Linear) and "lora_" not in name
    }
    known = {name.rsplit(".", 1)[-1] for name in layers} - {HEAD}
    unknown = [name for name in targets if name != ALL and name not in known]
    if unknown or not targets:
        raise ConfigError(
            f"train.targets: unknown module {', '.join(unknown) or '(none given)'};"
            f" this base has {ALL}, {', '.join(sorted(known))}"
        )
    wanted = known if ALL in targets else set(targets)
    return [part for name, part in layers.items() if name.rsplit(".", 1)[-1] in wanted]


class CpuLora(Linear):
    """Drops whole input features of a micro-batch rather than single values; else as its parent."""

    def forward(self, x: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        """x (..., inputs) to (..., outputs)."""
        name = self.active_adapters[0] if len(self.active_adapters) == 1 else ""
        plain = name in self.lora_A and name not in self.lora_variant
        if self.disable_adapters or self.merged or not plain:
            output: torch.Tensor = super().forward(x, *args, **kwargs)
            return output
        down: Any = self.lora_A[name].weight
        up: Any = self.lora_B[name].weight
        share: float = getattr(self.lora_dropout[name], "p", 0.0)
        if self.training and share:
            kept = torch.rand(down.shape[1]) >= share
            down = down * (kept / (1 - share)).to(down.dtype)
        base: Any = self.get_base_layer()
        product: torch.Tensor = _Product.apply(  # type: ignore[no-untyped-call]
            x, base.weight, base.bias, down.to(x.dtype), up.to(x.dtype), self.scaling[name]
        )
        return product


class _Product(torch.autograd.Function):
    """x W' + b + s (x A') B', with frozen W and b; all rows of x at once."""

    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor | None,
        down: torch.Tensor,
        up: torch.Tensor,
        scale: float,
    ) -> torch.Tensor:
        rows = x.reshape(-1, x.shape[-1])
        low = rows @ down.t()
        output = functional.linear(rows, weight, bias).addmm_(low, up.t(), alpha=scale)
        ctx.save_for_backward(rows, weight, down, up, low)
        ctx.scale, ctx.shape = scale, x.shape
        return output.view(*x.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        rows, weight, down, up, low = ctx.saved_tensors
        outer = gradients[0].reshape(-1, gradients[0].shape[-1])
        inner = (outer @ up).mul_(ctx.scale)
        for_x = None
        if ctx.needs_input_grad[0]:
            for_x = (outer @ weight).addmm_(inner, down).view(ctx.shape)
        return for_x, None, None, inner.t() @ rows, (outer.t() @ low).mul_(ctx.scale), None
