"""Set up what the quickstart needs and run it: `python3 scripts/quickstart.py`. Run again, it goes on where it was."""

from __future__ import annotations

import sys

from environment import prepare, run

if __name__ == "__main__":
    prepare("train")
    sys.exit(run("tutelage", "course", "--config", "recipes/quickstart.yaml", *sys.argv[1:]))
