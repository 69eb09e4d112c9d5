from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from lessons.errors import ModelNotFound
from lessons.model_files import ModelFiles, complete, resolve


@pytest.fixture
def gguf(tmp_path: Path) -> Path:
    file = tmp_path / "tiny.gguf"
    file.write_bytes(b"GGUF and the rest")
    return file


def test_a_file_and_its_hash(gguf: Path) -> None:
    digest = hashlib.sha256(gguf.read_bytes()).hexdigest()
    assert resolve(str(gguf), sha256=digest.upper()) == ModelFiles("gguf", str(gguf))
    with pytest.raises(
        ModelNotFound, match=f"is not the expected model: its SHA-256 is {digest}, not 00. Download it again"
    ):
        resolve(str(gguf), sha256="00")


def test_a_file_of_another_kind(tmp_path: Path) -> None:
    (tmp_path / "x.gguf").write_bytes(b"PK\x03\x04")
    with pytest.raises(
        ModelNotFound, match=r"is not a GGUF file: it starts with b'PK.*, not b'GGUF'. Give a .gguf file"
    ):
        resolve(str(tmp_path / "x.gguf"))


def test_a_folder(tmp_path: Path, gguf: Path) -> None:
    with pytest.raises(ModelNotFound, match=r"it has no config.json. It holds tiny.gguf: give the path of that file"):
        resolve(str(tmp_path))
    (tmp_path / "config.json").write_text("{}")
    assert resolve(str(tmp_path)) == ModelFiles("folder", str(tmp_path))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("./nothing", "there is no such folder or file .*Correct the path"),
        ("a/b/c", "there is no such folder or file"),
        ("nothing.gguf", "there is no such file. Correct the path, or download"),
        ("package:", "the form is package:PACKAGE/FILE.gguf"),
        ("package:os.path/x.gguf", "with the import name of a top-level package"),
        (
            "package:no_such_package/x.gguf",
            "'no_such_package' is not installed. Install it with: pip install no-such-package",
        ),
        ("package:json/x.gguf", "the package 'json' holds no file 'x.gguf'; its models are: none"),
        ("nobody/nothing", "it is not in the local cache, and HF_HUB_OFFLINE forbids asking the hub .*Give a folder"),
        ("no such name!", "HF_HUB_OFFLINE"),
    ],
)
def test_what_is_not_there(name: str, message: str) -> None:
    with pytest.raises(ModelNotFound, match=message):
        resolve(name)


def test_a_packaged_model_is_found_without_importing_its_package(tmp_path: Path) -> None:
    package = tmp_path / "carrier"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    (package / "m.gguf").write_bytes(b"GGUF")
    code = "from lessons import resolve; print(resolve('package:carrier/m.gguf').path)"
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {code}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(package / "m.gguf")


def test_a_cached_name_needs_no_network(tmp_path: Path) -> None:
    snapshot = tmp_path / "models--some--model" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (tmp_path / "models--some--model" / "refs").mkdir()
    (tmp_path / "models--some--model" / "refs" / "main").write_text("abc")
    (snapshot / "config.json").write_text("{}")
    (snapshot / "model.safetensors").touch()
    code = "from lessons import resolve; print(resolve('some/model').path)"
    environment = {"HF_HUB_CACHE": str(tmp_path), "HF_ENDPOINT": "http://127.0.0.1:9", "PATH": ""}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.strip() == str(snapshot)


def test_a_snapshot_is_complete_with_all_its_shards(tmp_path: Path) -> None:
    assert not complete(tmp_path)
    index = {"weight_map": {"a": "1.safetensors", "b": "2.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    (tmp_path / "1.safetensors").touch()
    assert not complete(tmp_path)
    (tmp_path / "2.safetensors").touch()
    assert complete(tmp_path)
