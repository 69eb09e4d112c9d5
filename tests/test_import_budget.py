"""The lower floors stay light: importing them loads no model library and no vendor's SDK."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = [
    "anthropic", "datasets", "huggingface_hub", "lightning", "math_verify", "matplotlib", "openai", "peft",
    "reasoning_gym", "sympy", "torch", "transformers",
]  # fmt: skip


@pytest.mark.parametrize("package", ["lessons", "teachers", "curricula"])
def test_importing_pulls_in_nothing_heavy(package: str) -> None:
    code = f"import sys, {package}; print(*sorted(set(sys.argv[1:]) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code, *HEAVY], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
