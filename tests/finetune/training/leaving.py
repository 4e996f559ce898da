"""A process that works together with others and leaves them at once; run by torchrun."""

import atexit

import torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh

from finetune.training.team import Team

dist.init_process_group("gloo")
team = Team(rank=dist.get_rank(), size=dist.get_world_size())
mesh = init_device_mesh("cpu", (team.size,))
"""Held, as a sharded model holds it: gloo's threads then live as long as the process."""
team.add_up(torch.ones(1000))
atexit.register(print, "closed down")
team.leave()
print("goes on alone")
team.end()
