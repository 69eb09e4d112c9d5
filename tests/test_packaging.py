"""The wheel holds the listed packages, whole, and nothing else."""

from __future__ import annotations

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.slow
def test_wheel_holds_exactly_the_listed_packages(tmp_path: Path) -> None:
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"][
        "packages"
    ]
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    names = zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist()
    inside = {name for name in names if ".dist-info/" not in name}
    tracked = subprocess.run(["git", "ls-files", *listed], cwd=ROOT, check=True, capture_output=True, text=True)
    assert {name.split("/")[0] for name in inside} == set(listed)
    assert set(tracked.stdout.split()) <= inside
