"""Which of the processes of a launcher this is: work that needs no gradients is shared out by rank."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from students.heavy_types import torch

__all__ = ["Ranks"]


@dataclass(frozen=True, slots=True)
class Ranks:
    """This process among those that work together."""

    rank: int = 0
    """0-based number of this process."""
    world_size: int = 1
    """How many there are."""

    @classmethod
    def here(cls) -> Ranks:
        """Join the processes that a launcher (torchrun, SLURM through Lightning) started; alone without one."""
        import torch.distributed as dist

        if not dist.is_available():
            return cls()
        if not dist.is_initialized():
            if int(os.environ.get("WORLD_SIZE", "1")) == 1 or "MASTER_ADDR" not in os.environ:
                return cls()
            take_own_device()
            dist.init_process_group()  # reads RANK, WORLD_SIZE, MASTER_ADDR, MASTER_PORT
        return cls(dist.get_rank(), dist.get_world_size())

    def add_up(self, values: torch.Tensor) -> None:
        """Replace a tensor on the CPU, in place, by the sum of all processes' tensors."""
        import torch
        import torch.distributed as dist

        if dist.get_backend() == "nccl":
            moved = values.to(torch.accelerator.current_accelerator())
            dist.all_reduce(moved)
            values.copy_(moved)
        else:
            dist.all_reduce(values)


def take_own_device() -> None:
    """Make the launcher's n-th process of a machine use its n-th accelerator; without this all would use the first."""
    import torch

    if torch.accelerator.is_available():
        torch.accelerator.set_device_index(int(os.environ.get("LOCAL_RANK", "0")) % torch.accelerator.device_count())
