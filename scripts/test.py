"""Set up what the tests need and run every check: `python3 scripts/test.py`. Arguments go to pytest.

Formatting, lint, types, import floors, then the tests, the files of the suite shared out over the cores. With
arguments, only the tests (for one file, say), one after the other.
"""

from __future__ import annotations

import os
import sys

from environment import prepare, run

CHECKS = (
    ("ruff", "format", "--check", "."),
    ("ruff", "check", "."),
    ("mypy",),
    ("lint-imports",),
)

MOST_WORKERS = 8  # each may hold a small model: about 2 GB


def main(arguments: list[str]) -> int:
    prepare("dev", embedded_model=True)
    for check in () if arguments else CHECKS:
        print("$", *check, flush=True)
        if code := run(*check):
            return code
    return run("pytest", *(arguments or side_by_side()))


def side_by_side() -> tuple[str, ...]:
    """Return the options that run the suite with a worker a core, each computing on one core only."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    return "-n", str(min(os.cpu_count() or 1, MOST_WORKERS)), "--dist", "loadfile", "--no-loadscope-reorder"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
