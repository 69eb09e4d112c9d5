"""Set up what the tests need and run every check: `python3 scripts/test.py`. Arguments go to pytest.

Formatting, lint and import floors, then the tests, the files of the suite shared out over the cores, beside them the
types. With arguments, only the tests (for one file, say), one after the other.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile

from environment import PYTHON, ROOT, prepare, run

QUICK_CHECKS = (("ruff", "format", "--check", "."), ("ruff", "check", "."), ("lint-imports",))

MOST_WORKERS = 8  # each may hold a small model: about 2 GB


def main(arguments: list[str]) -> int:
    prepare("dev", embedded_model=True)
    if arguments:
        return run("pytest", *arguments)
    for check in QUICK_CHECKS:
        print("$", *check, flush=True)
        if code := run(*check):
            return code
    with tempfile.TemporaryFile() as said:
        types = subprocess.Popen([PYTHON.parent / "mypy"], cwd=ROOT, stdout=said, stderr=subprocess.STDOUT)
        tests = run("pytest", *side_by_side())
        wrong_types = types.wait()
        said.seek(0)
        print("$ mypy", said.read().decode(), sep="\n", end="", flush=True)
    return tests or wrong_types


def side_by_side() -> tuple[str, ...]:
    """Return the options that run the suite with a worker a core, each computing on one core only."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    return "-n", str(min(os.cpu_count() or 1, MOST_WORKERS)), "--dist", "loadfile", "--no-loadscope-reorder"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
