from __future__ import annotations

import copy
import io
import json
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from lightning.pytorch import Trainer

from lessons.errors import CheckpointMismatch, ConfigError, DataError, Stopped
from lightning_modules import DPO, CurriculumDataModule, PreferenceModule, SupervisedModule, train
from lightning_modules.callbacks import RunFolder
from students import Adapted, Pretrained, RandomWeights, Student


@pytest.fixture
def fit_config(settings: dict[str, Any], tmp_path: Path) -> Callable[..., RunFolder]:
    """Train in this process, with settings changed by dotted names."""

    def start(*arguments: str, root: str = "run", **changes: Any) -> RunFolder:
        changed = copy.deepcopy(settings)
        for dotted, value in changes.items():
            *path, last = dotted.split("__")
            place = changed
            for name in path:
                place = place[name]
            if value is ...:
                del place[last]
            else:
                place[last] = value
        config = tmp_path / "train.yaml"
        config.write_text(yaml.safe_dump(changed))
        train(["fit", "--config", str(config), f"--trainer.default_root_dir={tmp_path / root}", *arguments])
        return RunFolder(tmp_path / root)

    return start


def test_a_short_config_trains_exports_and_accounts_for_everything(
    fit_config: Callable[..., RunFolder], capsys: pytest.CaptureFixture[str]
) -> None:
    argv = list(sys.argv)
    folder = fit_config("--trainer.accumulate_grad_batches=2")
    assert sys.argv == argv  # Lightning starts further processes with it
    totals = json.loads(folder.totals.read_text())
    assert (totals["updates"], totals["lessons"], totals["dropped_lessons"]) == (6, 42, 0)
    assert totals["processed_tokens"] > totals["supervised_tokens"] > 0
    assert totals["final_loss"] < totals["first_loss"]
    assert [update for update, _ in totals["curve"]] == [1, 2, 3, 4, 5, 6]
    assert folder.progress.read_text().count("\n") == 7
    assert yaml.safe_load((folder.root / "config.yaml").read_text())["trainer"]["accumulate_grad_batches"] == 2
    card = (folder.student / "README.md").read_text()
    assert "RationaleThenAnswer" in card
    assert "GPU available" not in capsys.readouterr().err


def test_the_exported_student_has_the_trained_weights(fit_config: Callable[..., RunFolder]) -> None:
    from transformers import AutoModelForCausalLM

    folder = fit_config()
    checkpoint = torch.load(folder.checkpoint, weights_only=True)
    exported = AutoModelForCausalLM.from_pretrained(folder.student).state_dict()
    for name, tensor in checkpoint["state_dict"].items():
        assert torch.equal(exported[name.removeprefix("model.")], tensor), name


def test_an_optimiser_has_the_settings_it_was_given_and_no_others(
    settings: dict[str, Any], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    config = tmp_path / "train.yaml"
    config.write_text(yaml.safe_dump(settings))
    with pytest.raises(SystemExit):
        train(["fit", "--config", str(config), "--print_config"])
    printed = yaml.safe_load(capsys.readouterr().out)["model"]["init_args"]["optimizer"]
    assert printed["class_path"] == "torch.optim.SGD"
    assert (printed["init_args"]["lr"], printed["init_args"]["weight_decay"]) == (0.5, 0)


def test_without_an_optimiser_it_is_adamw_at_the_modules_own_rate() -> None:
    student = Student(RandomWeights(16, 1, 1))
    rates = {}
    for module in (SupervisedModule(student), PreferenceModule(student, DPO())):
        module.trainer = Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)
        module.configure_model()
        optimizer = module.configure_optimizers()
        assert type(optimizer) is torch.optim.AdamW
        rates[type(module)] = {(group["lr"], group["weight_decay"]) for group in optimizer.param_groups}
    assert rates == {SupervisedModule: {(2e-4, 0.01)}, PreferenceModule: {(1e-6, 0.0)}}


def test_an_adapter_is_written_alone_as_well(fit_config: Callable[..., RunFolder]) -> None:
    weights = RandomWeights(hidden_size=16, layers=2, heads=2)
    folder = fit_config("--export.adapter_folder=adapter", model__student__adapter={"rank": 2})
    again = Student(Adapted(weights, [str(folder.root / "adapter")])).model.state_dict()
    for name, tensor in Student(Pretrained(str(folder.student))).model.state_dict().items():
        torch.testing.assert_close(again[name], tensor)


def test_without_an_adapter_there_is_none_to_write(fit_config: Callable[..., RunFolder]) -> None:
    with pytest.raises(ConfigError, match=r"export\.adapter_folder is 'adapter', but the student has no adapter"):
        fit_config("--export.adapter_folder=adapter")


def test_a_checkpoint_of_an_adapter_holds_the_adapter_only(fit_config: Callable[..., RunFolder]) -> None:
    folder = fit_config(model__student__adapter={"rank": 2})
    names = list(torch.load(folder.checkpoint, weights_only=True)["state_dict"])
    assert names
    assert all(".lora_" in name for name in names)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model__student__weights__class_path": "students.RandomWeigths"}, "has no attribute 'RandomWeigths'"),
        ({"model__optimizer__class_path": "torch.optim.Adamw"}, "torch.optim.Adamw"),
        ({"data__rendering": "students.Rationale"}, "has no attribute 'Rationale'"),
        ({"data__lessons_per_updat": 8}, "'lessons_per_updat' is not accepted"),
        ({"trainer__acelerator": "cpu"}, "does not accept option 'trainer.acelerator'"),
        ({"model__student__weights": ...}, "weights"),
    ],
)
def test_a_typo_is_named_before_anything_is_loaded(
    fit_config: Callable[..., RunFolder], change: dict[str, Any], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ConfigError, match="The training settings cannot be used") as caught:
        fit_config(**change)
    assert message in str(caught.value)
    assert "Correct the setting named above" in str(caught.value)
    assert "usage:" not in capsys.readouterr().err


def test_a_finished_run_is_never_overwritten(fit_config: Callable[..., RunFolder]) -> None:
    folder = fit_config()
    before = folder.totals.read_text()
    with pytest.raises(
        ConfigError, match=r"already holds a run \(last\.ckpt, training\.json, student\).*--ckpt_path last"
    ):
        fit_config()
    assert folder.totals.read_text() == before


def test_a_missing_checkpoint_is_an_error_but_last_means_if_there_is_one(
    fit_config: Callable[..., RunFolder], tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=r"No checkpoint at .*none\.ckpt.*'last'.*Correct --ckpt_path"):
        fit_config(f"--ckpt_path={tmp_path / 'none.ckpt'}")
    assert fit_config("--ckpt_path=last").totals.exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"model__student__weights__init_args": {"hidden_size": 16, "layers": 2, "heads": 2, "seed": 5}},
            "another student",
        ),
        ({"model__student__adapter": {"rank": 2}}, "another student"),
        ({"model__optimizer__init_args": {"lr": 0.25}}, r"other model settings: .*lr was 0\.5, is 0\.25"),
        ({"data__lessons_per_update": 7}, "other data"),
        ({"data__rendering": "students.AnswerOnly"}, "other data"),
        ({"trainer__accumulate_grad_batches": 2}, "accumulate_grad_batches 1, this run has 2"),
    ],
)
def test_a_checkpoint_of_another_run_is_refused(
    fit_config: Callable[..., RunFolder], change: dict[str, Any], message: str
) -> None:
    folder = fit_config("--trainer.max_steps=2")
    with pytest.raises(CheckpointMismatch, match=message):
        fit_config(f"--ckpt_path={folder.checkpoint}", root="other", **change)


def test_a_refused_resume_leaves_the_settings_that_are_to_be_restored(fit_config: Callable[..., RunFolder]) -> None:
    folder = fit_config("--trainer.max_steps=2")
    settings = (folder.root / "config.yaml").read_text()
    with pytest.raises(CheckpointMismatch, match=r"lr was 0\.5, is 0\.25.*Restore them"):
        fit_config("--ckpt_path=last", model__optimizer__init_args={"lr": 0.25})
    assert (folder.root / "config.yaml").read_text() == settings


def test_a_damaged_checkpoint_is_named(fit_config: Callable[..., RunFolder], tmp_path: Path) -> None:
    whole = io.BytesIO()
    torch.save({"some": torch.zeros(99)}, whole)
    damaged = tmp_path / "damaged.ckpt"
    for content in (whole.getvalue()[:-50], b"hello", b""):
        damaged.write_bytes(content)
        with pytest.raises(
            DataError, match=r"damaged\.ckpt is no checkpoint that can be read.*Give another --ckpt_path"
        ):
            fit_config(f"--ckpt_path={damaged}")


def test_a_run_folder_that_is_a_file_is_refused(fit_config: Callable[..., RunFolder], tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("mine")
    with pytest.raises(
        ConfigError, match=r"default_root_dir is .*taken/run, but .*taken is a file\. Allowed is a folder"
    ):
        fit_config(root="taken/run")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"trainer__devices": 0}, r"Lightning cannot work with these settings: .*devices=0.*\nCorrect what it names"),
        (
            {"model__schedule": {"class_path": "torch.optim.lr_scheduler.ReduceLROnPlateau"}},
            r"Lightning cannot work with these settings: .*ReduceLROnPlateau",
        ),
    ],
)
def test_what_lightning_refuses_is_no_traceback(
    fit_config: Callable[..., RunFolder], change: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        fit_config(**change)


def test_an_interrupt_before_the_first_update_is_a_stop_and_no_failure(
    fit_config: Callable[..., RunFolder], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(self: CurriculumDataModule, stage: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(CurriculumDataModule, "setup", interrupted)
    before = signal.getsignal(signal.SIGINT)
    try:
        with pytest.raises(Stopped, match="run the same command again with --ckpt_path last"):
            fit_config()
    finally:
        signal.signal(signal.SIGINT, before)  # Lightning ignores further ones from here on


def test_help_and_print_config_load_no_model(
    fit_config: Callable[..., RunFolder], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("a model was loaded")

    monkeypatch.setattr(Student, "model", property(refuse))
    with pytest.raises(SystemExit) as caught:
        fit_config("--print_config")
    assert caught.value.code == 0
    printed = yaml.safe_load(capsys.readouterr().out)
    assert printed["data"]["class_path"] == "lightning_modules.CurriculumDataModule"
    assert printed["trainer"]["max_epochs"] == 1


def test_a_text_that_yaml_takes_for_a_comment_stays_a_text(
    fit_config: Callable[..., RunFolder], capsys: pytest.CaptureFixture[str]
) -> None:
    inner = {"class_path": "students.AnswerOnly"}
    erased = {"class_path": "students.SystemErased", "init_args": {"rendering": inner, "system": "# be brief"}}
    with pytest.raises(SystemExit):
        fit_config("--print_config", data__rendering=erased)
    printed = yaml.safe_load(capsys.readouterr().out)
    assert printed["data"]["init_args"]["rendering"]["init_args"]["system"] == "# be brief"
