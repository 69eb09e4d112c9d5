"""Processes that share a course: one at a time in a folder, and none that outlives the one that started it."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lessons.errors import ConfigError

__all__ = ["PARENT_VARIABLE", "alone_in", "end_with_parent"]

PARENT_VARIABLE = "TUTELAGE_PARENT"
SECONDS_BETWEEN_LOOKS = 0.2


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Hold a folder for this process. The operating system lets go of it when the process ends, however it ends.

    Raises:
        ConfigError: Another living process works in the folder.
    """
    import fcntl

    folder.mkdir(parents=True, exist_ok=True)
    path = folder / ".lock"
    with path.open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            raise ConfigError(
                f"Another process ({file.read().strip() or 'unknown'}) is working in {folder}. Only one may at a time. "
                "Wait for it or stop it, or give another --folder."
            ) from error
        file.truncate(0)
        file.write(f"process {os.getpid()}")
        file.flush()
        yield


def end_with_parent() -> None:
    """End this process soon after the one named in TUTELAGE_PARENT is gone; do nothing where it names none.

    A course that is killed cannot stop the process it started; left alone, that would write beside the next one's.
    """
    named = os.environ.pop(PARENT_VARIABLE, "")
    if not named.isdigit():
        return

    def watch() -> None:
        while os.getppid() == int(named):
            time.sleep(SECONDS_BETWEEN_LOOKS)
        os._exit(1)

    threading.Thread(target=watch, daemon=True, name="end with parent").start()
