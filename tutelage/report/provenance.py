"""Where a report comes from: versions, machine, seeds, fingerprints."""

from __future__ import annotations

import os
import platform
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from tutelage.settings import JSON

__all__ = ["machine", "now", "versions"]

PACKAGES = ("tutelage", "torch", "lightning", "transformers", "peft", "datasets", "pyarrow", "openai", "anthropic")


def versions() -> dict[str, JSON]:
    """Return the versions of Python and of the packages that shape results, without importing them."""
    found: dict[str, JSON] = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def machine() -> dict[str, JSON]:
    """Return what ran this, without names of people or hosts."""
    import psutil

    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": processor(),
        "cores": os.cpu_count(),
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "accelerator": accelerator(),
    }


def processor() -> str:
    """Return the processor's model name where the system tells it."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or "unknown"


def accelerator() -> str | None:
    """Return the accelerator's name, or None."""
    if find_spec("torch") is None:
        return None
    import torch

    if torch.cuda.is_available():
        return f"{torch.cuda.device_count()} x {torch.cuda.get_device_name(0)}"
    return str(torch.accelerator.current_accelerator()) if torch.accelerator.is_available() else None


def now() -> str:
    """Return the time to the minute, with the zone's offset."""
    return datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %z")
