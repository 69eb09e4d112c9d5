from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from filelock import FileLock

from lessons.errors import ConfigError, StorageError
from lightning_modules.callbacks import RunLock


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Any]:
    return lambda first=True: SimpleNamespace(default_root_dir=tmp_path / "run", is_global_zero=first)


@pytest.mark.parametrize("end", ["teardown", "on_exception"])
def test_a_second_run_in_a_folder_waits_for_the_first_to_end(run: Callable[..., Any], end: str) -> None:
    first, second, module = RunLock(), RunLock(), None
    first.setup(run(), module, "fit")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"Another run is at work in .*run: it holds .* give another --trainer"):
        second.setup(run(), module, "fit")  # type: ignore[arg-type]
    second.setup(run(first=False), module, "fit")  # type: ignore[arg-type]  # a further process of one run
    getattr(first, end)(run(), module, "fit")
    second.setup(run(), module, "fit")  # type: ignore[arg-type]
    second.teardown(run(), module, "fit")  # type: ignore[arg-type]


def test_a_disk_that_refuses_to_be_written_says_so(
    run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(error: Exception) -> Callable[..., None]:
        def acquire(self: FileLock) -> None:
            raise error

        return acquire

    monkeypatch.setattr(FileLock, "acquire", fail(OSError(errno.EROFS, os.strerror(errno.EROFS))))
    with pytest.raises(StorageError, match=r"into the run folder .*run: Read-only file system \(errno 30\)"):
        RunLock().setup(run(), None, "fit")  # type: ignore[arg-type]
    monkeypatch.setattr(FileLock, "acquire", fail(NotImplementedError("no flock")))
    RunLock().setup(run(), None, "fit")  # type: ignore[arg-type]
    assert "knows no locks" in caplog.text
