"""A low-rank layer for CPUs: peft's `lora.Linear` with the same numbers in fewer passes.

On a CPU the matrix products of a small model are cheap and everything around them is not: peft
draws a dropout mask as large as the activations and multiplies and adds in passes of their own.
Here product, scale and sum are one call, forward and backward (docs/decisions/002-training-loop.md).
"""

from typing import Any

import torch
from peft.tuners.lora import Linear
from torch.nn import functional


class CpuLora(Linear):
    """Drops whole input features for a micro-batch, not single values; else as its parent."""

    def forward(self, x: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        """x (..., inputs) to (..., outputs)."""
        if self.disable_adapters or self.merged or len(self.active_adapters) != 1:
            output: torch.Tensor = super().forward(x, *args, **kwargs)
            return output
        name = self.active_adapters[0]
        down, up = self.lora_A[name].weight, self.lora_B[name].weight
        share = getattr(self.lora_dropout[name], "p", 0.0)
        if self.training and share:
            kept = torch.rand(down.shape[1]) >= share
            down = down * (kept / (1 - share)).to(down.dtype)
        base = self.get_base_layer()
        added: torch.Tensor = _Product.apply(
            x,
            base.weight,
            base.bias,
            down.to(x.dtype),
            up.to(x.dtype),
            self.scaling[name],
        )
        return added


class _Product(torch.autograd.Function):
    """x W' + b + s (x A') B', with frozen W and b; all of x's rows at once."""

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
