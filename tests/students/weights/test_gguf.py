from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import transformers

from lessons.errors import ModelNotFound
from lessons.gguf import CONVERSION, file_digest
from students import GGUF


def test_construction_touches_no_file() -> None:
    assert GGUF("nowhere/Model-1B.Q4_K_M.gguf").name == "Model-1B.Q4_K_M"


def test_no_such_file() -> None:
    with pytest.raises(ModelNotFound, match=r"No model .*nowhere.gguf.*no such file"):
        _ = GGUF("nowhere.gguf").file


def test_a_folder_belongs_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ModelNotFound, match=r"is a folder model, not a GGUF file.*students.Pretrained"):
        _ = GGUF(str(tmp_path)).file


def test_a_broken_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUTELAGE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "model.gguf").write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(ModelNotFound, match=r"model.gguf cannot be converted: .*Hugging Face folder"):
        GGUF(str(tmp_path / "model.gguf")).load(torch.float32)
    assert not [path for path in (tmp_path / "cache" / "gguf").iterdir() if path.is_dir()]


CONVERT = """
import sys, time
from lessons import gguf
from lessons.folders import staged_folder
from students import GGUF
calls = []
def convert(file, folder):
    calls.append(1)
    time.sleep(0.5)  # the other process comes meanwhile
    with staged_folder(folder) as partial:
        (partial / "config.json").write_text("{}")
gguf.convert = convert
print("converted", GGUF(sys.argv[1]).converted.name_or_path, len(calls))
"""


def dead_process() -> int:
    """Return the number of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


def test_processes_that_start_together_convert_once(tmp_path: Path) -> None:
    (tmp_path / "model.gguf").write_bytes(b"GGUF")
    name = f"{file_digest(tmp_path / 'model.gguf')[:32]}-transformers-{transformers.__version__}-{CONVERSION}"
    stale = tmp_path / "gguf" / f".{name}.{dead_process()}.partial"
    stale.mkdir(parents=True)
    command = [sys.executable, "-c", CONVERT, str(tmp_path / "model.gguf")]
    environment = {**os.environ, "TUTELAGE_CACHE": str(tmp_path)}
    workers = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    printed = [worker.communicate(timeout=300)[0] for worker in workers]
    said = [line.split()[1:] for text in printed for line in text.splitlines() if line.startswith("converted ")]
    assert said[0][0] == said[1][0]
    assert sorted(count for _, count in said) == ["0", "1"]
    assert not stale.exists()
    assert [path.name for path in (tmp_path / "gguf").iterdir() if path.is_dir()] == [Path(said[0][0]).name] == [name]


@pytest.mark.slow
def test_the_converted_model_equals_the_file(smollm2: GGUF) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    loaded = smollm2.load(torch.float32)
    place, name = smollm2.file.parent, smollm2.file.name
    direct = AutoModelForCausalLM.from_pretrained(place, gguf_file=name, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(place, gguf_file=name)
    text = "Twice 21 is 42.\n  “Naïve” café: 日本語 🙂"
    ids = loaded.tokenizer(text)["input_ids"]
    assert ids == tokenizer(text)["input_ids"]
    assert tokenizer.chat_template == loaded.tokenizer.chat_template
    tensor = torch.tensor([ids])
    assert torch.equal(loaded.model(tensor).logits, direct(tensor).logits)
