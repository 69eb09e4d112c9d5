"""`python -m tutelage` is `tutelage`."""

from __future__ import annotations

import sys

from tutelage.main import main

if __name__ == "__main__":
    sys.exit(main())
