"""Steps: work that reads files and writes files, and is done once.

A step is finished when its outputs exist and its record says "done"; the record is written last, by a rename. A step
that was killed leaves a record that says "begun" and is run again. A record also holds the settings and the digests
of the inputs: a step that was begun or finished with others is an error, never reused and never overwritten.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lessons.errors import ConfigError, Stopped, TutelageError
from lessons.files import write_text
from tutelage.settings import JSON, differences, digest

__all__ = ["Step", "content_digest", "run_step"]

WHOLE_BYTES = 64 * 2**20
SAMPLE_BYTES = 64 * 2**10
SAMPLES = 256


@dataclass(frozen=True)
class Step:
    """One unit of a course's work."""

    name: str
    """What it does, in one word: "distill"."""
    folder: Path
    """Where its record lies: `<folder>/steps/<name>.json`."""
    outputs: tuple[Path, ...]
    """The files or folders it writes."""
    action: Callable[[], Mapping[str, JSON] | None]
    """Does the work. Called only when the step is not finished; what it returns is kept in the record as "notes"."""
    settings: Mapping[str, JSON] = field(default_factory=dict)
    """Every setting that shapes the outputs."""
    inputs: tuple[Path, ...] = ()
    """The files or folders it reads."""
    outside: Mapping[str, Path] = field(default_factory=dict)
    """What it reads from outside of the course, each by a name that stays when the course is moved."""

    @property
    def record(self) -> Path:
        """The step's record."""
        return self.folder / "steps" / f"{self.name}.json"

    @property
    def notes(self) -> dict[str, Any]:
        """What the step's action returned when it was done; empty before."""
        found = read_record(self)
        return dict(found.get("notes") or {}) if found else {}


def run_step(step: Step, again: bool = False) -> bool:
    """Do a step unless it is finished; return whether it was done now.

    Args:
        step: The step.
        again: Do it once more even if it is finished, with the same settings and inputs.

    Raises:
        ConfigError: It was begun or finished with other settings or other inputs, or its output is not its own.
    """
    inputs: dict[str, JSON] = {label(path, step.folder): content_digest(path) for path in step.inputs}
    inputs |= {name: content_digest(path) for name, path in step.outside.items()}
    found = read_record(step)
    if found is None:
        refuse_strangers(step)
    else:
        check_same(step, found, inputs)
        if not again and found["state"] == "done" and all(path.exists() for path in step.outputs):
            return False
    record = {
        "step": step.name,
        "state": "begun",
        "digest": digest(step.settings),
        "settings": dict(step.settings),
        "inputs": inputs,
    }
    write_record(step, record)
    started = time.monotonic()
    notes = act(step)
    seconds = round(time.monotonic() - started, 3)
    missing = [str(path) for path in step.outputs if not path.exists()]
    if missing:
        raise RuntimeError(f"The step {step.name} ended without writing {', '.join(missing)}.")
    write_record(step, {**record, "state": "done", "seconds": seconds, "notes": dict(notes or {})})
    return True


def act(step: Step) -> Mapping[str, JSON] | None:
    """Do the step's work; one that ended before it wrote anything leaves no record to contradict the mended settings.

    What was paid stays in the ledger either way. A step that was only stopped keeps its record.
    """
    try:
        return step.action()
    except Stopped:
        raise
    except TutelageError:
        if not any(path.exists() for path in step.outputs):
            step.record.unlink(missing_ok=True)
        raise


def read_record(step: Step) -> dict[str, Any] | None:
    """Return the step's record, or None if it was never begun."""
    try:
        found: dict[str, Any] = json.loads(step.record.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise ConfigError(
            f"{step.record} is not readable JSON ({error}). It is written by `tutelage course` alone. "
            f"Remove it and the outputs {listed(step.outputs)} to do the step again."
        ) from error
    return found


def write_record(step: Step, record: Mapping[str, Any]) -> None:
    """Put the record in place by a rename."""
    write_text(step.record, json.dumps(record, indent=1, ensure_ascii=False) + "\n")


def check_same(step: Step, found: Mapping[str, Any], inputs: Mapping[str, JSON]) -> None:
    """Refuse to go on with a step that was begun with other settings or other inputs."""
    changed = differences(found["settings"], dict(step.settings))
    if found["digest"] == digest(step.settings):
        changed = []
    replaced = [name for name, value in inputs.items() if found["inputs"].get(name) != value]
    if not changed and not replaced:
        return
    state = "finished" if found["state"] == "done" else "begun"
    what = "; ".join(changed[:8]) + (f"; and {len(changed) - 8} more" if len(changed) > 8 else "")
    reason = f"with other settings ({what})" if changed else f"with another {', '.join(replaced)}"
    raise ConfigError(
        f"The step {step.name!r} in {step.folder} was {state} {reason}. Nothing was changed: a result is never mixed "
        "from two settings. Go back to the former settings, give another folder, or do this step again by removing "
        f"{listed((step.record, *step.outputs))}. Paid calls stay in the ledger either way."
    )


def refuse_strangers(step: Step) -> None:
    """Refuse to write over files that this step did not make."""
    present = [path for path in step.outputs if path.exists()]
    if present:
        raise ConfigError(
            f"{listed(tuple(present))} exists already, and there is no record of this step having made it. "
            "Nothing was changed. Give another folder, or move that file away and run again."
        )


def listed(paths: tuple[Path, ...]) -> str:
    """Return paths as one readable list."""
    return ", ".join(map(str, paths))


def label(path: Path, folder: Path) -> str:
    """Return how a record names an input: relative to the step's folder, so that a course can be moved."""
    return Path(os.path.relpath(path, folder)).as_posix()


def content_digest(path: Path) -> str:
    """Return a SHA-256 of a file, or of all files of a folder; files above 64 MB by size and 256 samples."""
    found = hashlib.sha256()
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    if not path.exists():
        raise ConfigError(f"No file {path}. It is the input of a later step; run the step that writes it again.")
    for file in files:
        size = file.stat().st_size
        found.update(f"{file.relative_to(path)}\x1f{size}\x1e".encode())
        with file.open("rb") as content:
            if size <= WHOLE_BYTES:
                found.update(content.read())
                continue
            for k in range(SAMPLES):
                content.seek(k * (size - SAMPLE_BYTES) // (SAMPLES - 1))
                found.update(content.read(SAMPLE_BYTES))
    return found.hexdigest()[:16]
