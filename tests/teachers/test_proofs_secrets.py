"""A planted key is found nowhere: not in a file written, nor in anything printed, whatever goes wrong."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from provider import Provider, Schedule, serving

KEY = "sk-8412planted-XYZZY-secret-97531"
PIECE = 12
"""So many characters of the key in a row count as the key."""
EVERY_FAULT = {
    "call": {
        "400": 0.1,
        "500": 0.1,
        "429": 0.05,
        "reset": 0.05,
        "reset in body": 0.05,
        "cut json": 0.1,
        "no answer": 0.05,
        "echo": 0.2,
    }
}
PROGRAM = """
import logging, sys
logging.basicConfig(level=logging.DEBUG)  # the SDKs log every request and reply
from tutelage.main import main
sys.argv = ["tutelage", "distill", "--config", "config.yaml"]
sys.exit(main())
"""
TRACEBACK = """
import logging, sys, yaml
logging.basicConfig(level=logging.DEBUG)
import teachers, lessons
config = yaml.safe_load(open("config.yaml"))["teacher"]
teacher = getattr(teachers, config["class_path"].split(".")[1])(**config["init_args"])
prompts = lessons.ArithmeticSource(size=20, digits=3).prompts()
teachers.distill(prompts, teacher, [teachers.RationaleAnnotator()], None, "l.sqlite", "o.parquet")
"""


def forms_of(key: str) -> list[bytes]:
    """Return every piece of the key, and of its three base64 forms."""
    texts = [key, *(base64.b64encode(b"x" * shift + key.encode()).decode()[4:-4] for shift in range(3))]
    return [text[at : at + PIECE].encode() for text in texts for at in range(len(text) - PIECE + 1)]


def config_of(vendor: str, provider: Provider) -> dict[str, Any]:
    openai = vendor == "openai"
    teacher = {
        "class_path": "teachers.OpenAIBackend" if openai else "teachers.AnthropicBackend",
        "init_args": {
            "model": "m",
            "base_url": provider.openai_url if openai else provider.anthropic_url,
            "api_key_variable": "PLANTED_KEY",
            "input_price": 1.0,
            "output_price": 2.0,
        },
    }
    return {
        "out": "out",
        "prompts": {"class_path": "lessons.ArithmeticSource", "init_args": {"size": 40, "digits": 3}},
        "teacher": teacher,
        "annotators": [{"class_path": "teachers.RationaleAnnotator"}],
        "limits": {"first_wait_seconds": 0.01, "longest_wait_seconds": 0.02, "failures_in_a_row": 100},
    }


def run(program: str, folder: Path, config: dict[str, Any]) -> subprocess.CompletedProcess[bytes]:
    """Run a program with all debugging on, in a folder of its own."""
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    debugging = {"OPENAI_LOG": "debug", "ANTHROPIC_LOG": "debug", "PYTHONASYNCIODEBUG": "1"}
    here = Path(__file__).resolve().parents[2]
    environment = {**os.environ, **debugging, "PLANTED_KEY": KEY, "PYTHONPATH": str(here)}
    command = [sys.executable, "-X", "dev", "-W", "ignore", "-c", program]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, timeout=120)


def leaks(folder: Path, done: subprocess.CompletedProcess[bytes]) -> list[str]:
    """Return where the key, or a piece of it, was written or printed."""
    written = {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    everything = {**written, "stdout": done.stdout, "stderr": done.stderr}
    assert len(written) > 1
    return [
        f"{name}: {found[max(0, found.index(form) - 80) : found.index(form) + 40]!r}"
        for name, found in everything.items()
        for form in forms_of(KEY)
        if form in found
    ]


@pytest.mark.slow
@pytest.mark.parametrize("vendor", ["openai", "anthropic"])
def test_no_secret_when_everything_goes_wrong(tmp_path: Path, vendor: str) -> None:
    with serving(fault=Schedule(5, EVERY_FAULT)) as provider:
        done = run(PROGRAM, tmp_path, config_of(vendor, provider))
    assert all(KEY in str(headers) for headers in provider.headers)
    assert b"DEBUG" in done.stderr
    assert (tmp_path / "out" / "failures.jsonl").exists(), done.stderr[-2_000:]
    assert provider.faults["call: echo"] > 3
    assert leaks(tmp_path, done) == []


@pytest.mark.slow
@pytest.mark.parametrize("vendor", ["openai", "anthropic"])
def test_no_secret_in_a_traceback(tmp_path: Path, vendor: str) -> None:
    with serving(fault=lambda event: "401") as provider:
        done = run(TRACEBACK, tmp_path, config_of(vendor, provider))
    assert b"Traceback" in done.stderr
    assert b"CallFailed" in done.stderr
    assert b"***" in done.stderr
    assert leaks(tmp_path, done) == []


IN_BATCHES = """
import logging, yaml
logging.basicConfig(level=logging.DEBUG)
import teachers, lessons
from teachers.batches.batching import Batches
config = yaml.safe_load(open("config.yaml"))["teacher"]
teacher = getattr(teachers, config["class_path"].split(".")[1])(**config["init_args"])
prompts = list(lessons.ArithmeticSource(size=20, digits=3).prompts())
limits = teachers.Limits(first_wait_seconds=0.01, longest_wait_seconds=0.02, attempts=20)
batches = Batches(quiet_seconds=0.02, poll_seconds=0.02, find_seconds=0.1)
teachers.distill(
    prompts, teacher, [teachers.RationaleAnnotator()], None, "l.sqlite", "o.parquet", limits, batches=batches
)
"""
BROKEN_WIRE = {"500": 0.1, "echo": 0.3, "reset": 0.1, "cut json": 0.1}


@pytest.mark.slow
@pytest.mark.parametrize("vendor", ["openai", "anthropic"])
@pytest.mark.parametrize("refused", [False, True], ids=["broken", "refused"])
def test_no_secret_in_batch_mode(tmp_path: Path, vendor: str, refused: bool) -> None:
    places = ("upload", "submit", "status", "list", "results")
    shares = {place: {"403": 1.0} if refused else BROKEN_WIRE for place in places}
    with serving(fault=Schedule(6, shares, most_in_a_row=20 if refused else 4), batch_seconds=0.2) as provider:
        done = run(IN_BATCHES, tmp_path, config_of(vendor, provider))
    assert (done.returncode != 0) == refused, done.stderr[-2_000:]
    assert (tmp_path / "o.parquet").exists() != refused
    assert leaks(tmp_path, done) == []
