"""Adapters in files: merged, stacked and averaged exactly; an adapter that does not fit, or is none, is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from lessons.errors import ConfigError, ModelNotFound
from students import Adapted, LoRA, Student, Weights
from tests.students.conftest import ask, tiny_weights


def trained(weights: Weights, seed: int, dora: bool = False) -> Student:
    """A student whose adapter changes what it says."""
    student = Student(weights, LoRA(rank=4, target_modules=["q_proj", "up_proj"], dora=dora))
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in student.model.named_parameters():
            if "lora_B" in name:
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.1)
    return student


def logits(student: Student) -> torch.Tensor:
    ids = torch.tensor([student.encoder.prompt_ids(ask("1+1=?"))])
    found: torch.Tensor = student.model(ids).logits
    return found


def written(folder: Path, seed: int, dora: bool = False) -> tuple[Student, str]:
    student = trained(tiny_weights(), seed, dora)
    return student, str(student.export_adapter(folder / f"adapter-{seed}"))


@pytest.mark.parametrize("dora", [False, True])
def test_an_adapter_comes_back_on_its_weights(tmp_path: Path, dora: bool) -> None:
    student, folder = written(tmp_path, 1, dora)
    again = Student(Adapted(tiny_weights(), [folder]))
    torch.testing.assert_close(logits(again), logits(student), atol=1e-5, rtol=1e-5)
    assert all(parameter.requires_grad for parameter in again.model.parameters())
    assert not any("lora" in name for name in again.model.state_dict())
    assert again.weights.name.endswith("+adapter-1")


@pytest.mark.parametrize("dora", [False, True])
def test_a_second_adapter_is_trained_on_top_of_the_first(tmp_path: Path, dora: bool) -> None:
    _, first = written(tmp_path, 1, dora)
    upper = trained(Adapted(tiny_weights(), [first]), 2, dora)
    second = str(upper.export_adapter(tmp_path / "upper"))
    stacked = Student(Adapted(tiny_weights(), [first, second]))
    torch.testing.assert_close(logits(stacked), logits(upper), atol=1e-5, rtol=1e-5)
    alone = Student(Adapted(tiny_weights(), [second]))
    assert not torch.allclose(logits(alone), logits(upper), atol=1e-3)


def test_the_average_of_two_adapters_is_the_average_of_their_weights(tmp_path: Path) -> None:
    (one, first), (two, second) = written(tmp_path, 1), written(tmp_path, 2)
    mean = Student(Adapted(tiny_weights(), [first, second], [0.25, 0.75])).model.state_dict()
    from students.lora import merged_tensors

    weights = [merged_tensors(student.base_model) for student in (one, two)]
    for name, tensor in mean.items():
        torch.testing.assert_close(tensor, 0.25 * weights[0][name] + 0.75 * weights[1][name], atol=1e-6, rtol=1e-5)


def test_a_student_learns_on_adapted_weights_and_is_exported(tmp_path: Path) -> None:
    from students import Pretrained

    _, folder = written(tmp_path, 1)
    student = Student(Adapted(tiny_weights(), [folder]), LoRA(rank=2))
    again = Student(Pretrained(str(student.export(tmp_path / "student"))))
    torch.testing.assert_close(logits(again), logits(student), atol=1e-5, rtol=1e-5)


def test_fingerprints_tell_adapters_and_shares_apart(tmp_path: Path) -> None:
    (_, first), (_, second) = written(tmp_path, 1), written(tmp_path, 2)
    made = [
        Adapted(tiny_weights(), [first]),
        Adapted(tiny_weights(), [second]),
        Adapted(tiny_weights(), [first], [0.5]),
    ]
    assert len({weights.fingerprint for weights in made} | {tiny_weights().fingerprint}) == 4


def test_what_is_no_adapter_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ModelNotFound, match=r"No adapter in .*nowhere: it lacks adapter_config\.json and .* Correct `adapters`"
    ):
        Student(Adapted(tiny_weights(), [str(tmp_path / "nowhere")])).model.train()
    _, folder = written(tmp_path, 1)
    (Path(folder) / "adapter_model.safetensors").rename(Path(folder) / "adapter_model.bin")
    with pytest.raises(ModelNotFound, match=r"it lacks adapter_model\.safetensors\..*safetensors format"):
        _ = Student(Adapted(tiny_weights(), [folder])).fingerprint


def test_an_adapter_of_another_model_is_refused(tmp_path: Path) -> None:
    _, folder = written(tmp_path, 1)
    with pytest.raises(ConfigError, match=r"does not fit LlamaForCausalLM: .*Correct `adapters` or `source`"):
        Adapted(tiny_weights(hidden_size=64), [folder]).load(torch.float32)


def test_shares_that_mean_nothing_are_refused(tmp_path: Path) -> None:
    _, folder = written(tmp_path, 1, dora=True)
    with pytest.raises(ConfigError, match=r"is a DoRA, of which a share of 0\.5 is wanted.*leave out `shares`"):
        Adapted(tiny_weights(), [folder], [0.5]).load(torch.float32)
    with pytest.raises(ConfigError, match=r"There are 1 adapters and 2 shares.*Correct `shares`"):
        Adapted(tiny_weights(), [folder], [0.5, 0.5]).load(torch.float32)
    with pytest.raises(ConfigError, match=r"There are 0 adapters and 0 shares"):
        Adapted(tiny_weights(), []).load(torch.float32)


def test_a_student_without_adapter_has_none_to_write(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"has no adapter that could be written.*leave out export\.adapter_folder"):
        Student(tiny_weights()).export_adapter(tmp_path / "x")
