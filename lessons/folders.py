"""Folders that appear whole or not at all: write beside the target, flush to disk, rename into place."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from lessons.errors import ConfigError, StorageError
from lessons.files import flush

__all__ = ["MARKER", "refuse_foreign", "staged_folder", "sweep"]

MARKER = "tutelage.json"


@contextmanager
def staged_folder(target: str | Path, replace_ours: bool = False) -> Iterator[Path]:
    """Yield a new empty folder to write to; on success flush it and rename it to `target`, on failure remove it.

    Args:
        target: Where the folder shall appear.
        replace_ours: Allow replacing a folder that holds the file `tutelage.json`, our mark. Nothing else is replaced.

    Raises:
        ConfigError: The target exists and may not be replaced.
        StorageError: The disk refused a write; the target is as it was.
    """
    target = Path(target)
    refuse_foreign(target, replace_ours)
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        yield partial
        for path in [*partial.rglob("*"), partial]:
            flush(path)
        refuse_foreign(target, replace_ours)
        put(partial, target)
        flush(target.parent)
        sweep(target)
    except OSError as error:
        if isinstance(error, StorageError) or error.errno is None:
            raise
        raise StorageError(
            f"Could not write the folder {target}: {error.strerror} (errno {error.errno}). What was there before is "
            "untouched. Free space or permissions on that disk, then run the same command again."
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def refuse_foreign(target: Path, replace_ours: bool) -> None:
    """Refuse a target that exists, unless it is empty or ours to replace."""
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return
    if replace_ours and (target / MARKER).is_file():
        return
    raise ConfigError(
        f"{target} exists already and is not overwritten"
        + (f" (it holds no {MARKER}, so it was not written by this command)" if replace_ours else "")
        + ". Allowed is a path that does not exist yet. Give another path, or move that folder away."
    )


def put(partial: Path, target: Path) -> None:
    """Rename a finished folder into place, moving an old one aside first (a folder cannot replace a full one)."""
    old = target.with_name(f".{target.name}.{os.getpid()}.old")
    if target.exists():
        target.rename(old)
    try:
        partial.rename(target)
    except OSError:
        if old.exists() and not target.exists():
            old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def sweep(target: Path) -> None:
    """Remove what processes killed while they wrote this folder, or this file, have left beside it."""
    for ending in ("partial", "old"):
        for path in target.parent.glob(f".{target.name}.*.{ending}"):
            process = path.name.removeprefix(f".{target.name}.").removesuffix(f".{ending}")
            if process.isdigit() and not psutil.pid_exists(int(process)):
                if path.is_dir():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink(missing_ok=True)
