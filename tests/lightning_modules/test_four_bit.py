"""QLoRA through the training command: what is trained, saved, resumed and exported, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import yaml
from lightning.pytorch import Trainer

from lessons.errors import ConfigError
from lessons.records import Message
from lightning_modules import CurriculumDataModule, SupervisedModule, train
from lightning_modules.callbacks import RunFolder
from lightning_modules.sharding import shard
from students import Adapted, FourBit, Generation, LoRA, Pretrained, RandomWeights, Student, answer
from students.export import plain_tensors
from students.four_bit import quantise

SIZES = {"hidden_size": 64, "layers": 1, "heads": 2, "feed_forward_size": 64}
ADAPTER = {"rank": 2, "dora": True}


def student(adapter: LoRA | None = None) -> Student:
    return Student(FourBit(RandomWeights(**SIZES)), adapter, "float32", gradient_checkpointing=True)


@pytest.fixture(scope="module")
def config(round_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A train.yaml with weights in four bits, as a user writes it."""
    source = {"class_path": "students.RandomWeights", "init_args": SIZES}
    four_bit = {"class_path": "students.FourBit", "init_args": {"source": source}}
    names = {"prompts": "prompts.parquet", "annotations": "lessons.parquet", "curriculum": ""}
    settings = {
        "trainer": {"accelerator": "cpu", "devices": 1, "accumulate_grad_batches": 2},
        "model": {
            "student": {
                "weights": four_bit,
                "adapter": ADAPTER,
                "precision": "float32",
                "gradient_checkpointing": True,
            },
            "optimizer": {"class_path": "torch.optim.AdamW", "init_args": {"lr": 0.02}},
        },
        "data": {
            **{key: str(round_folder / name) for key, name in names.items()},
            "target": "rationale",
            "rendering": "students.RationaleThenAnswer",
            "lessons_per_update": 8,
        },
        "export": {"adapter_folder": "adapter"},
    }
    path = tmp_path_factory.mktemp("config") / "train.yaml"
    path.write_text(yaml.safe_dump(settings))
    return path


def fit(config: Path, root: Path, *arguments: str) -> RunFolder:
    train(["fit", "--config", str(config), f"--trainer.default_root_dir={root}", *arguments])
    return RunFolder(root)


@pytest.fixture(scope="module")
def trained(config: Path, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return fit(config, tmp_path_factory.mktemp("four-bit") / "run")


def weights_of(folder: RunFolder) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = torch.load(folder.checkpoint, weights_only=True)["state_dict"]
    return found


def test_the_loss_falls_and_a_checkpoint_holds_the_adapter_only(trained: RunFolder) -> None:
    totals = json.loads(trained.totals.read_text())
    assert totals["updates"] == 6
    assert totals["final_loss"] < totals["first_loss"] - 0.1
    names = list(weights_of(trained))
    assert len(names) == 3 * 7  # both factors and the lengths, for every linear layer of the block
    assert all(".lora_" in name for name in names)


def test_what_is_exported_is_what_was_trained(trained: RunFolder) -> None:
    """The checkpoint's adapter on weights that are quantised anew, and by hand, against both exports."""
    made = student(LoRA(**ADAPTER))
    tensors = {name.removeprefix("model."): tensor for name, tensor in weights_of(trained).items()}
    assert not made.model.load_state_dict(tensors, strict=False).unexpected_keys
    exported = Student(Pretrained(str(trained.student)), precision="float32")
    for name, tensor in plain_tensors(made.base_model, adapted=True).items():
        assert torch.equal(exported.model.state_dict()[name], tensor), name
    ids = torch.arange(5, 40)[None]
    torch.testing.assert_close(exported.model(ids).logits, made.model(ids).logits, rtol=1e-4, atol=1e-4)
    asked = [[Message("user", text)] for text in ("1+1?", "23+4?")]
    assert answer(exported, asked, Generation(16)) == answer(made, asked, Generation(16))

    plain = RandomWeights(**SIZES).load(torch.float32).model
    quantise(plain, torch.float32, True)
    whole = {name: tensor.double() for name, tensor in plain_tensors(plain, adapted=False).items()}
    name = "model.layers.0.mlp.up_proj"
    first, second, lengths = (
        tensors[f"base_model.model.{name}.{part}"].double()
        for part in ("lora_A.default.weight", "lora_B.default.weight", "lora_magnitude_vector.default.weight")
    )
    turned = whole[f"{name}.weight"] + 32 / 2 * second @ first
    by_hand = lengths[:, None] * turned / turned.norm(dim=1, keepdim=True)
    found = exported.model.state_dict()[f"{name}.weight"].double()
    torch.testing.assert_close(found, by_hand, rtol=1e-5, atol=1e-6)
    assert (by_hand - whole[f"{name}.weight"]).norm() > 0.01 * by_hand.norm()


def test_the_adapter_alone_goes_onto_the_weights_it_was_trained_on(trained: RunFolder, tmp_path: Path) -> None:
    bare = student().export(tmp_path / "dequantised")
    stacked = Student(Adapted(Pretrained(str(bare)), [str(trained.root / "adapter")]), precision="float32")
    merged = Student(Pretrained(str(trained.student)), precision="float32").model.state_dict()
    for name, tensor in stacked.model.state_dict().items():
        torch.testing.assert_close(tensor, merged[name], rtol=1e-5, atol=1e-6)


def test_a_run_goes_on_from_a_checkpoint_to_the_last_bit(trained: RunFolder, config: Path, tmp_path: Path) -> None:
    cut = fit(config, tmp_path / "cut", "--trainer.max_steps=3")
    assert not all(torch.equal(tensor, weights_of(trained)[name]) for name, tensor in weights_of(cut).items())
    resumed = fit(config, tmp_path / "resumed", f"--ckpt_path={cut.checkpoint}")
    assert weights_of(resumed).keys() == weights_of(trained).keys()
    for name, tensor in weights_of(trained).items():
        assert torch.equal(weights_of(resumed)[name], tensor), name
    before, after = ((f.student / "model.safetensors").read_bytes() for f in (trained, resumed))
    assert before == after


def test_training_without_an_adapter_is_refused(
    data: Callable[..., CurriculumDataModule], trainer: Callable[..., Trainer]
) -> None:
    with pytest.raises(ConfigError, match=r"in four bits and has no adapter.*model\.student\.adapter: \{rank: 16"):
        trainer().fit(SupervisedModule(student()), data())


def test_weights_in_four_bits_are_not_cut_into_shards() -> None:
    class Sharded(SupervisedModule):
        device_mesh = object()  # any mesh: the check comes before it is asked

    made = student(LoRA(**ADAPTER))
    with pytest.raises(ConfigError, match=r"ModelParallelStrategy would cut.*`strategy: ddp`.*leave out students\.Fou"):
        shard(Sharded(made), made.model)
