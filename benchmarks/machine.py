"""One line that names the machine and the versions a figure was measured with."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from pathlib import Path

PACKAGES = ("torch", "transformers", "lightning", "openai", "anthropic", "pyarrow")


def describe_machine() -> str:
    cpu = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        platform.processor(),
    )
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)
    return f"{cpu}, {os.cpu_count()} cores; Python {platform.python_version()}; {versions}"
