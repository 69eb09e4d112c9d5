"""Files that appear whole or not at all: write beside the target, flush to disk, rename into place."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lessons.errors import StorageError

__all__ = ["staged", "write_text"]

DISK_ERRORS = {
    errno.EACCES, errno.EDQUOT, errno.EEXIST, errno.EFBIG, errno.EIO, errno.EISDIR, errno.ENAMETOOLONG, errno.ENOSPC,
    errno.ENOTDIR, errno.EPERM, errno.EROFS,
}  # fmt: skip
"""What a disk says when it refuses; other `OSError`s (a lost connection, say) come from the code that writes."""


@contextmanager
def staged(target: str | Path) -> Iterator[Path]:
    """Yield a path to write to; on success flush it and rename it to `target`, on failure remove it.

    A process killed at any instant leaves either the old target or the new one, never a torn file.

    Raises:
        StorageError: The disk refused the write (full, read-only ...). The old target is untouched.
    """
    target = Path(target)
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        flush(partial)
        partial.replace(target)
        flush(target.parent)
    except OSError as error:
        if error.errno is None or error.errno not in DISK_ERRORS:
            raise
        raise StorageError(
            f"Could not write {target}: {os.strerror(error.errno)} (errno {error.errno}). What was there before is "
            "untouched. Free space or permissions on that disk, then run the same command again."
        ) from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def flush(path: Path) -> None:
    """Ask the operating system to put a file or folder on the disk itself."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_text(target: str | Path, text: str) -> None:
    """Write a whole text file (UTF-8) through `staged`."""
    with staged(target) as partial:
        partial.write_text(text, encoding="utf-8")
