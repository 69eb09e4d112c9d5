"""Run any command from a checkout: `python3 scripts/tutelage.py plan --help`. Sets the environment up if need be."""

from __future__ import annotations

import sys

from environment import prepare, run

if __name__ == "__main__":
    prepare("all")
    sys.exit(run("tutelage", *sys.argv[1:]))
