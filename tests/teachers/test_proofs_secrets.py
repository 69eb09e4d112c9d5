"""A planted key is found nowhere: not in a file written, nor in anything printed, whatever goes wrong."""

from __future__ import annotations

import base64
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from provider import Provider, Schedule, serving

from tests.forked import forker

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
COMMAND = """
import logging, sys
logging.basicConfig(level=logging.DEBUG, force=True)  # the SDKs log every request and reply
from tutelage.main import main
sys.argv = ["tutelage", "distill", "--config", "config.yaml"]
sys.exit(main())
"""
FROM_PYTHON = """
import logging, sys, yaml
logging.basicConfig(level=logging.DEBUG, force=True)
import teachers, lessons
config = yaml.safe_load(open("config.yaml"))["teacher"]
teacher = getattr(teachers, config["class_path"].split(".")[1])(**config["init_args"])
prompts = lessons.ArithmeticSource(size=20, digits=3).prompts()
teachers.distill(prompts, teacher, [teachers.RationaleAnnotator()], None, "l.sqlite", "o.parquet")
"""

IN_BATCHES = """
import logging, yaml
logging.basicConfig(level=logging.DEBUG, force=True)
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


Run = Callable[[str, Path, dict[str, Any]], "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Run a program with all debugging on, in a folder of its own."""
    texts = {"command": COMMAND, "from_python": FROM_PYTHON, "in_batches": IN_BATCHES}
    programs = tmp_path_factory.mktemp("programs")
    for name, text in texts.items():
        (programs / f"{name}.py").write_text(text)
    variables = {
        "OPENAI_LOG": "debug", "ANTHROPIC_LOG": "debug", "PYTHONASYNCIODEBUG": "1", "PYTHONDEVMODE": "1",
        "PYTHONWARNINGS": "ignore",
    }  # fmt: skip
    imports = ("teachers", "tutelage.commands.distill", "openai", "anthropic")
    with forker(tmp_path_factory.mktemp("printed"), *imports, **variables) as started:

        def to_end(program: str, folder: Path, config: dict[str, Any]) -> subprocess.CompletedProcess[str]:
            (folder / "config.yaml").write_text(yaml.safe_dump(config))
            paths = os.pathsep.join([str(Path(__file__).resolve().parents[2]), str(programs)])
            environment = {**os.environ, **variables, "PLANTED_KEY": KEY, "PYTHONPATH": paths}
            return started.run(program, [], folder=folder, environment=environment)

        yield to_end


def leaks(folder: Path, done: subprocess.CompletedProcess[str]) -> list[str]:
    """Return where the key, or a piece of it, was written or printed."""
    written = {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    everything = {**written, "stdout": done.stdout.encode(), "stderr": done.stderr.encode()}
    assert len(written) > 1
    return [
        f"{name}: {found[max(0, found.index(form) - 80) : found.index(form) + 40]!r}"
        for name, found in everything.items()
        for form in forms_of(KEY)
        if form in found
    ]


@pytest.mark.slow
@pytest.mark.parametrize("vendor", ["openai", "anthropic"])
def test_no_secret_when_everything_goes_wrong(run: Run, tmp_path: Path, vendor: str) -> None:
    with serving(fault=Schedule(5, EVERY_FAULT)) as provider:
        done = run("command", tmp_path, config_of(vendor, provider))
    assert all(KEY in str(headers) for headers in provider.headers)
    assert f"DEBUG:{vendor}." in done.stderr  # its SDK says all it does
    assert (tmp_path / "out" / "failures.jsonl").exists(), done.stderr[-2_000:]
    assert provider.faults["call: echo"] > 3
    assert leaks(tmp_path, done) == []


@pytest.mark.slow
@pytest.mark.parametrize("vendor", ["openai", "anthropic"])
def test_no_secret_in_a_traceback(run: Run, tmp_path: Path, vendor: str) -> None:
    with serving(fault=lambda event: "401") as provider:
        done = run("from_python", tmp_path, config_of(vendor, provider))
    assert "Traceback" in done.stderr
    assert "CallFailed" in done.stderr
    assert "***" in done.stderr
    assert leaks(tmp_path, done) == []


BROKEN_WIRE = {"500": 0.1, "echo": 0.3, "reset": 0.1, "cut json": 0.1}


@pytest.mark.slow
@pytest.mark.parametrize("vendor", ["openai", "anthropic"])
@pytest.mark.parametrize("refused", [False, True], ids=["broken", "refused"])
def test_no_secret_in_batch_mode(run: Run, tmp_path: Path, vendor: str, refused: bool) -> None:
    places = ("upload", "submit", "status", "list", "results")
    shares = {place: {"403": 1.0} if refused else BROKEN_WIRE for place in places}
    with serving(fault=Schedule(6, shares, most_in_a_row=20 if refused else 4), batch_seconds=0.2) as provider:
        done = run("in_batches", tmp_path, config_of(vendor, provider))
    assert (done.returncode != 0) == refused, done.stderr[-2_000:]
    assert (tmp_path / "o.parquet").exists() != refused
    assert leaks(tmp_path, done) == []
