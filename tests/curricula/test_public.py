from __future__ import annotations

import subprocess
import sys

import curricula

HEAVY = {"torch", "transformers", "openai", "anthropic", "lightning", "matplotlib", "datasets", "reasoning_gym"}


def test_the_public_names_are_sorted_and_exist() -> None:
    assert curricula.__all__ == sorted(curricula.__all__)
    assert all(hasattr(curricula, name) for name in curricula.__all__)


def test_importing_curricula_loads_nothing_heavy() -> None:
    code = "import sys, curricula; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not HEAVY & set(loaded)
