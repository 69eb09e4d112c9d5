"""The recipe for students with an encoder and a decoder runs: on a few sums, with a T5 that has learnt nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from transformers import AutoModelForSeq2SeqLM

from tests.in_this_process import run_course
from tests.students.tiny_t5 import tiny_t5

ROOT = Path(__file__).resolve().parents[1]


def recording(path: Path, first: int, count: int) -> str:
    """Write sums in the form of the published recording."""
    rows = [
        {
            "id": f"s{k}", "question": f"{k}+{k}?", "answer": 2.0 * k, "problem_type": "Addition",
            "rationale": f"{k} and {k} is {2 * k}.", "teacher_answer": 2.0 * k,
        }
        for k in range(first, first + count)
    ]  # fmt: skip
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


@pytest.mark.slow
def test_the_recipe_trains_a_t5_on_two_tasks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    settings = yaml.safe_load((ROOT / "recipes" / "encoder-decoder.yaml").read_text())
    settings["prompts"]["init_args"]["path"] = recording(tmp_path / "train.jsonl", 10, 8)
    settings["recordings"][0]["init_args"]["path"] = settings["prompts"]["init_args"]["path"]
    settings["exam"]["init_args"]["path"] = recording(tmp_path / "test.jsonl", 30, 2)
    settings["student"]["weights"]["init_args"]["name_or_path"] = str(tiny_t5(tmp_path / "t5", dropout_rate=0.0))
    settings["training"]["lessons_per_update"] = 4
    settings["generation"]["max_new_tokens"] = 4
    settings["arms"] = {"two-task": settings["arms"]["two-task"] | {"passes": 2}}
    (tmp_path / "course.yaml").write_text(yaml.safe_dump(settings))
    run_course(tmp_path / "course.yaml", tmp_path / "run", monkeypatch)
    folder = tmp_path / "run" / "round-000" / "two-task"
    facts = json.loads((folder / "training.json").read_text())
    assert facts["updates"] == 4
    assert facts["final_loss"] < facts["first_loss"]
    assert AutoModelForSeq2SeqLM.from_pretrained(folder / "student").config.is_encoder_decoder
    assert "cannot be packed: sequences of different lengths are padded" in caplog.text
