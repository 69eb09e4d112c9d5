"""Set up what the tests need and run every check: `python3 scripts/test.py`. Arguments go to pytest.

Formatting, lint, types, import floors, then the tests. With arguments, only the tests (for one file, say).
"""

from __future__ import annotations

import sys

from environment import prepare, run

CHECKS = (
    ("ruff", "format", "--check", "."),
    ("ruff", "check", "."),
    ("mypy",),
    ("lint-imports",),
)


def main(arguments: list[str]) -> int:
    prepare("dev", embedded_model=True)
    for check in () if arguments else CHECKS:
        print("$", *check, flush=True)
        if code := run(*check):
            return code
    return run("pytest", *arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
