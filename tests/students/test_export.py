from __future__ import annotations

import json
import resource
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from lessons.errors import ConfigError, RenderingError, StorageError
from students import GGUF, Generation, LoRA, Pretrained, Student, answer
from tests.students.conftest import ask, tiny_weights

PROVENANCE = {
    "teachers": ["gpt-5-mini (rationale/1)"],
    "curriculum": {"ordering": "EasyFirst", "seed": 0},
    "data_fingerprint": "abc",
    "figures": {"accuracy": 0.5, "exam": {"correct": 1, "total": 2}},
}


def test_transformers_loads_the_folder_with_identical_logits(tiny_student: Student, tmp_path: Path) -> None:
    folder = tiny_student.export(tmp_path / "deep" / "student", PROVENANCE)
    model = AutoModelForCausalLM.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    messages = [{"role": "user", "content": "1+1=?"}]
    ids = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_tensors="pt")["input_ids"]
    assert ids[0].tolist() == tiny_student.encoder.prompt_ids(ask("1+1=?"))
    assert torch.equal(model(ids).logits, tiny_student.model(ids).logits)
    assert model.generation_config.eos_token_id == tiny_student.encoder.stop_ids
    assert model.generation_config.pad_token_id == tiny_student.encoder.pad_id


def test_an_exported_student_is_weights_for_the_next(tiny_student: Student, tmp_path: Path) -> None:
    again = Student(Pretrained(str(tiny_student.export(tmp_path / "student"))))
    assert again.encoder.fingerprint == tiny_student.encoder.fingerprint
    asked = [ask("12+3=?"), ask("4")]
    assert answer(again, asked, Generation(8)) == answer(tiny_student, asked, Generation(8))
    assert again.fingerprint == Student(Pretrained(str(tmp_path / "student"))).fingerprint


@pytest.mark.parametrize("alone", [False, True], ids=["whole", "adapter"])
def test_a_full_disk_is_an_error_of_the_disk_and_leaves_nothing_behind(tmp_path: Path, alone: bool) -> None:
    student = Student(tiny_weights(), LoRA(rank=32), precision="float32")
    assert student.model is not None
    whole = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, whole[1]))
    try:
        with pytest.raises(StorageError, match=r"Could not write the folder .*student: File too large .* Free space"):
            (student.export_adapter if alone else student.export)(tmp_path / "student")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, whole)
    assert list(tmp_path.iterdir()) == []


def test_only_safetensors_are_written(tiny_student: Student, tmp_path: Path) -> None:
    names = {path.name for path in tiny_student.export(tmp_path / "student").iterdir()}
    assert {"model.safetensors", "config.json", "generation_config.json", "tokenizer.json", "README.md"} <= names
    assert not [name for name in names if name.endswith((".bin", ".pt", ".pkl"))]
    assert [path.name for path in tmp_path.iterdir()] == ["student"]


def test_the_model_card_tells_where_it_comes_from(tiny_student: Student, tmp_path: Path) -> None:
    folder = tiny_student.export(tmp_path / "student", PROVENANCE)
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert card.startswith("---\nlibrary_name: transformers\n")
    assert f"Started from `{tiny_student.weights.name}`." in card
    assert "### Teachers\n\n- gpt-5-mini (rationale/1)" in card
    assert "### Data fingerprint\n\nabc" in card
    assert '- exam: {"correct": 1, "total": 2}' in card
    record = json.loads((folder / "tutelage.json").read_text(encoding="utf-8"))
    assert record["provenance"] == PROVENANCE
    assert record["fingerprint"] == tiny_student.fingerprint


def test_a_users_folder_is_never_overwritten(tiny_student: Student, tmp_path: Path) -> None:
    mine = tmp_path / "student"
    mine.mkdir()
    (mine / "notes.txt").write_text("precious")
    for replace_ours in (False, True):
        with pytest.raises(ConfigError, match=r"student exists already and is not overwritten.*Give another path"):
            tiny_student.export(mine, replace_ours=replace_ours)
    assert [path.name for path in mine.iterdir()] == ["notes.txt"]


def test_an_earlier_export_is_replaced_when_asked(tiny_student: Student, tmp_path: Path) -> None:
    folder = tiny_student.export(tmp_path / "student", {"round": 0})
    with pytest.raises(ConfigError, match="not overwritten"):
        tiny_student.export(folder, {"round": 1})
    tiny_student.export(folder, {"round": 1}, replace_ours=True)
    assert json.loads((folder / "tutelage.json").read_text())["provenance"] == {"round": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["student"]


def test_a_failed_export_leaves_nothing(tiny_student: Student, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("students.export.model_card", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        tiny_student.export(tmp_path / "student")
    assert list(tmp_path.iterdir()) == []


def test_template_arguments_hold_for_the_exported_student(tmp_path: Path) -> None:
    template = (
        "{% for m in messages %}{{ '<|' + m['role'] + '|>' + m['content'] + eos_token }}{% endfor %}"
        "{% if add_generation_prompt %}<|assistant|>{% if not thinking %}[]{% endif %}{% endif %}"
    )
    with pytest.raises(RenderingError, match="`template_arguments`"):
        Student(tiny_weights(), chat_template=template).encoder.completion_ids(ask("1"), "2")
    student = Student(tiny_weights(), chat_template=template, template_arguments={"thinking": True})
    again = Student(Pretrained(str(student.export(tmp_path / "student"))))
    assert again.encoder.encode([(ask("1"), "2")]) == student.encoder.encode([(ask("1"), "2")])
    assert again.encoder.fingerprint == student.encoder.fingerprint
    plain = AutoTokenizer.from_pretrained(tmp_path / "student")
    asked = plain.apply_chat_template([{"role": "user", "content": "1"}], add_generation_prompt=True)["input_ids"]
    assert asked == student.encoder.prompt_ids(ask("1"))


@pytest.mark.slow
def test_a_model_from_gguf_is_exported(smollm2: GGUF, tmp_path: Path) -> None:
    student = Student(smollm2)
    again = Student(Pretrained(str(student.export(tmp_path / "student"))))
    ids = torch.tensor([student.encoder.prompt_ids(ask("What is 2+2?"))])
    assert torch.equal(again.model(ids).logits, student.model(ids).logits)
    assert again.encoder.fingerprint == student.encoder.fingerprint
