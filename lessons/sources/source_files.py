"""The files that sources read: found, or refused with the nearest name; unpacked on the way where they are gzipped."""

from __future__ import annotations

import difflib
import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from lessons.errors import DataError

__all__ = ["existing_file", "opened_bytes"]


def existing_file(path: str | Path) -> Path:
    """Return the path of a file that is there.

    Raises:
        DataError: It is not; the message names the most similar file of the folder.
    """
    path = Path(path).expanduser()
    if path.is_file():
        return path
    if path.is_dir():
        raise DataError(f"{path} is a folder; a file is allowed here. Name one of its files.")
    folder = path.parent
    names = sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []
    near = difflib.get_close_matches(path.name, names, 1)
    hint = f" Did you mean {folder / near[0]}?" if near else "" if names else f" The folder {folder} holds nothing."
    raise DataError(f"No file {path}.{hint} Correct the path (it is taken from the folder you run in, {Path.cwd()}).")


@contextmanager
def opened_bytes(path: str | Path) -> Iterator[IO[bytes]]:
    """Open a file to read its bytes, unpacked where its name ends with .gz.

    Raises:
        DataError: The file is missing, or a gzipped one is damaged or cut off.
    """
    path = existing_file(path)
    if path.suffix != ".gz":
        with path.open("rb") as file:
            yield file
        return
    try:
        with gzip.open(path, "rb") as unpacked:
            yield cast("IO[bytes]", unpacked)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(
            f"{path} is not a whole gzip file ({error}). Download or pack it again, or drop the ending .gz if it is "
            "not packed."
        ) from error
