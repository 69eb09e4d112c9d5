"""`python -m lightning_modules fit --config train.yaml`: what `tutelage train` runs, without the rest of the face."""

from __future__ import annotations

import sys

from lessons.errors import BadInput, Stopped, TutelageError
from lightning_modules.cli import train


def main() -> int:
    """Train; return 0 done, 1 failed, 2 bad input, 3 stopped with everything saved."""
    try:
        train(sys.argv[1:])
    except TutelageError as error:
        print(error, file=sys.stderr)
        return 2 if isinstance(error, BadInput) else 3 if isinstance(error, Stopped) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
