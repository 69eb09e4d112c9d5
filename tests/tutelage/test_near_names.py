"""Misspelt settings: the message names what was probably meant, and the file that is no YAML."""

from __future__ import annotations

from pathlib import Path

import pytest

from lessons.errors import ConfigError
from tutelage.command_line import run_function
from tutelage.near_names import near_name


def greet(name: str, times: int = 1) -> None:
    """Greet.

    Args:
        name: Whom.
        times: How often.
    """


@pytest.mark.parametrize(
    ("message", "meant"),
    [
        ("module 'teachers' has no attribute 'OpenAIBackent'", "teachers.OpenAIBackend"),
        ("class_path 'teachers.OpenAIBackend': Option 'modle' is not accepted", "model"),
        ("class_path 'nowhere.Nothing': Option 'modle' is not accepted", None),
        ("Option 'teecher.class_path' is not accepted", "teacher"),
        ("Option 'limits.in_flihgt' is not accepted", "limits.in_flight"),
        ("unrecognized arguments: --legder 3", "ledger"),
        ("Option 'zzz' is not accepted", None),
        ("something else", None),
    ],
)
def test_the_nearest_name_is_found(message: str, meant: str | None) -> None:
    assert near_name(message, ["teacher", "ledger", "limits", "limits.in_flight"]) == meant


def test_a_misspelt_flag_names_the_one_that_was_meant() -> None:
    with pytest.raises(ConfigError, match=r"--tmies.*Did you mean times\?.*`tutelage greet --help`"):
        run_function(greet, "tutelage greet", ["--name", "Ada", "--tmies", "2"])


@pytest.mark.parametrize("given", [["--config", "{}"], ["--config={}"]])
def test_a_config_that_is_no_yaml_is_named(tmp_path: Path, given: list[str]) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text("name: [\n")
    with pytest.raises(ConfigError, match=r"broken\.yaml is not a YAML file: .* line 2.*Correct the file"):
        run_function(greet, "tutelage greet", [word.format(path) for word in given])
