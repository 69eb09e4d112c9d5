"""Weights, gradients and optimiser states spread over devices: torch's FSDP2 by Lightning's ModelParallelStrategy.

Torch shards, Lightning runs it; here stands only where the cuts are, and how the whole comes back for the export.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.strategies import ModelParallelStrategy
from torch.distributed.fsdp import fully_shard, register_fsdp_forward_method
from torch.distributed.tensor import DTensor

from lessons.errors import ConfigError
from students.four_bit import four_bit_parameters
from students.weights.pruned_copy import blocks_of

if TYPE_CHECKING:
    from transformers import PreTrainedModel

__all__ = ["gather_shards", "shard"]


def shard(module: LightningModule, model: PreTrainedModel) -> None:
    """Spread a module over the processes of its data-parallel group, if the strategy is `ModelParallelStrategy`.

    Every transformer block is gathered when it runs. What is outside the blocks belongs to the module itself and is
    gathered for the whole `training_step`: losses read the output layer's weight without calling the layer.

    Args:
        module: The module that trains.
        model: Its causal language model.

    Raises:
        ConfigError: The strategy wants more than data parallelism, or weights are in four bits.
    """
    mesh = module.device_mesh
    if mesh is None:
        return
    if four_bit_parameters(model):
        raise ConfigError(
            f"ModelParallelStrategy would cut the weights of this {type(model).__name__} into shards, and they are in "
            "four bits, which do not go together. Allowed with students.FourBit are one device and `strategy: ddp`. "
            "Choose one of these, or leave out students.FourBit."
        )
    strategy = module.trainer.strategy
    if isinstance(strategy, ModelParallelStrategy) and mesh["tensor_parallel"].size() > 1:
        raise ConfigError(
            f"ModelParallelStrategy is set to tensor_parallel_size {mesh['tensor_parallel'].size()} and "
            f"data_parallel_size {mesh['data_parallel'].size()}. Allowed here is sharding over data-parallel processes "
            f"only. Set strategy.init_args.data_parallel_size to {mesh.size()} and tensor_parallel_size to 1."
        )
    name, _ = blocks_of(model)
    for block in model.get_submodule(name).children():
        fully_shard(block, mesh=mesh["data_parallel"])
    fully_shard(module, mesh=mesh["data_parallel"])
    register_fsdp_forward_method(module, "training_step")


def gather_shards(model: torch.nn.Module) -> None:
    """Make the parameters of a sharded model whole again, on the CPU of every process; all processes must take part.

    For the end of a run: the model cannot train on. A model that is not sharded stays as it is.
    """
    for module in model.modules():
        for name, parameter in list(module.named_parameters(recurse=False)):
            if isinstance(parameter, DTensor):
                whole = parameter.full_tensor().detach().cpu()
                module.register_parameter(name, torch.nn.Parameter(whole, requires_grad=parameter.requires_grad))
