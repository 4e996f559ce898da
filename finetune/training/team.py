"""The processes that train one model together, as `accelerate launch` or torchrun starts them.

Every process holds the low-rank weights and their optimiser whole; gradients are added up, so all
take the same step. The frozen base is held whole too, or, where accelerate's configuration says
FSDP, in shards that are gathered a layer at a time (QLoRA over several GPUs). Only the first
process writes files and speaks.
"""

import os
import sys
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, TypeVar

import msgspec
import torch
import torch.distributed as dist

from finetune.loaded_base import pick_device
from finetune.training.batches import micro_batches
from finetune.training.losses import bare
from finetune.training.samples import Sample
from postil.errors import ConfigError

WAIT = timedelta(days=1)
"""For the others. A process that ends has its launcher end them all; torch's default of 10 minutes
on GPUs is less than the first one may need to write copies in other words."""

Made = TypeVar("Made")


class Team(msgspec.Struct, frozen=True, kw_only=True):
    """This process's place among `size`; alone where nothing launched several."""

    rank: int = 0
    size: int = 1
    device: str = "cpu"
    sharded: bool = False

    @property
    def leads(self) -> bool:
        """Whether this is the process that writes files and speaks."""
        return self.rank == 0

    def add_up(self, values: torch.Tensor) -> torch.Tensor:
        """The sum over all processes, in place."""
        if self.size > 1:
            dist.all_reduce(values)
        return values

    def agree(self, number: int) -> bool:
        """Whether all processes name the same number; all get the same answer."""
        if self.size == 1:
            return True
        mine = torch.tensor([number], dtype=torch.int64, device=self.device)
        named = [torch.empty_like(mine) for _ in range(self.size)]
        dist.all_gather(named, mine)
        return all(int(each) == number for each in named)

    def share(self, make: Callable[[], Made]) -> Made:
        """What the first process makes, given to all: for what need not come out twice alike."""
        if self.size == 1:
            return make()
        made: list[Any] = [make() if self.leads else None]
        dist.broadcast_object_list(made, src=0)
        shared: Made = made[0]
        return shared

    def meet(self) -> None:
        """Wait until every process is here."""
        self.agree(0)

    def leave(self) -> None:
        """The work in common is done: the first process goes on alone, the others end here."""
        if self.size == 1:
            return
        self.meet()
        dist.destroy_process_group()
        if not self.leads:
            self.end()

    def end(self) -> None:
        """End this process of several, well, and at once.

        Closing the interpreter down could abort it: gloo's thread may still let go of a tensor.
        """
        if self.size > 1:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(0)

    def passes(self, samples: Sequence[Sample], most: int, *, packed: bool) -> list[list[Sample]]:
        """This process's forward passes of a batch; every process gets equally many.

        One that would have fewer reads a sample that counts for nothing: the others wait for it
        in every layer where the base is sharded.
        """
        longest_first = sorted(samples, key=lambda sample: -len(sample.ids))
        shares = [longest_first[rank :: self.size] for rank in range(self.size)]
        groups = [list(micro_batches(share, most, packed=packed)) for share in shares]
        blank = msgspec.structs.replace(samples[0], weights=(0.0,) * len(samples[0].ids))
        mine = groups[self.rank]
        return mine + [[blank]] * (max(map(len, groups)) - len(mine))


def join_team() -> Team:
    """Find the other processes that the launcher started: gloo joins CPUs, nccl GPUs."""
    from accelerate import PartialState
    from accelerate.utils import parse_flag_from_env

    state: Any = PartialState(cpu=pick_device() == "cpu", timeout=WAIT)
    return Team(
        rank=state.process_index,
        size=state.num_processes,
        device=str(state.device) if state.device.type != "cpu" else "cpu",  # it says cpu:0
        sharded=bool(parse_flag_from_env("ACCELERATE_USE_FSDP")),
    )


def check_launch(team: Team) -> None:
    """ConfigError for what a launcher was told and this program does not do."""
    from accelerate.utils import parse_flag_from_env

    if not team.sharded:
        return
    for name in ("offload_params", "cpu_ram_efficient_loading"):
        if parse_flag_from_env(f"FSDP_{name.upper()}"):
            raise ConfigError(
                f"accelerate's fsdp_{name} is not supported: set it to false, as in"
                " examples/accelerate/fsdp-qlora.yaml"
            )


def shard_base(model: Any, team: Team) -> None:
    """Give each process a piece of every frozen layer; the trainable weights stay whole.

    The model comes on a CPU and leaves on the team's device, a layer at a time: no device ever
    holds all of it. ConfigError where nothing is frozen.
    """
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard
    from torch.distributed.tensor import DTensor

    trainable = {p for p in model.parameters() if p.requires_grad}
    if len(trainable) == sum(1 for _ in model.parameters()):
        raise ConfigError("train.mode = full cannot be sharded: use qlora or lora under FSDP")
    causal = bare(model)
    mesh = init_device_mesh(torch.device(team.device).type, (team.size,))
    for layer in getattr(causal, causal.base_model_prefix).layers:
        own = {p for p in layer.parameters() if p in trainable}
        fully_shard(layer, mesh=mesh, ignored_params=own, reshard_after_forward=True)
    for tensor in (*model.parameters(), *model.buffers()):
        if not isinstance(tensor, DTensor):
            tensor.data = tensor.data.to(team.device)
