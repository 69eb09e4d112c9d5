"""A command line for a typed function: flags, --config, --print_config and plugin arguments, by jsonargparse."""

from __future__ import annotations

import dataclasses
import inspect
import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple, get_type_hints

import yaml
from jsonargparse import ArgumentError, ArgumentParser, set_parsing_settings

from lessons.errors import BadInput, ConfigError
from lessons.setting_texts import keep_comments_as_texts
from tutelage.near_names import near_name
from tutelage.settings import build

__all__ = ["make_parser", "run_function"]

BUILT_BY_TRAINING = ("training.optimizer", "training.schedule")

set_parsing_settings(instantiate_subclass_spec_in_any=False)  # what a course passes on to training is built there
keep_comments_as_texts()


def make_parser(function: Callable[..., object], program: str) -> ArgumentParser:
    """Build the parser of a function's settings. Loads no weights and opens no connection.

    Args:
        function: Typed and documented; plugin arguments are typed with their base class.
        program: How the command is called, for messages.
    """
    summary = inspect.cleandoc(function.__doc__ or "").split("\nArgs:")[0].strip()
    parser = ArgumentParser(prog=program, description=summary, exit_on_error=False)
    parser.add_argument("--config", action="config", help="a YAML file with any of the settings below")
    record = record_of(function)
    if record is None:
        parser.add_function_arguments(function, as_group=False, as_positional=False, sub_configs=True)
    else:
        parser.add_class_arguments(record.kind, as_group=False, as_positional=False, sub_configs=True)
    return parser


class Record(NamedTuple):
    """The single parameter of a function that takes all its settings as one record."""

    name: str
    """The parameter's name."""
    kind: type
    """The record's dataclass; its fields are the command's settings."""


def record_of(function: Callable[..., object]) -> Record | None:
    """Return the record a function takes, or None for a function with settings of its own."""
    hints = get_type_hints(function)
    names = list(inspect.signature(function).parameters)
    if len(names) == 1 and dataclasses.is_dataclass(hints[names[0]]):
        return Record(names[0], hints[names[0]])
    return None


def run_function(function: Callable[..., object], program: str, arguments: list[str]) -> object:
    """Parse the arguments, build the plugins they name, and call the function.

    Raises:
        ConfigError: A setting is unknown, missing or of the wrong kind.
    """
    # A record's fields are documented below themselves. To find that takes as long as all other parsing.
    set_parsing_settings(docstring_parse_attribute_docstrings=any("help" in word or word == "-h" for word in arguments))
    parser = make_parser(function, program)
    try:
        settings = parser.parse_args(whole_parts(arguments))
        built: dict[str, Any] = vars(parser.instantiate(settings, instantiators=[(build, object, True)]))
    except BadInput:
        raise
    except (ArgumentError, TypeError, ValueError, KeyError, OSError, ImportError, AttributeError) as error:
        refuse_broken_yaml(arguments)
        raise ConfigError(usage_message(error, program, known_names(parser))) from error
    built.pop("config")
    record = record_of(function)
    return function(**built) if record is None else function(record.kind(**built))


def whole_parts(arguments: list[str]) -> list[str]:
    """Hand overrides of parts that only training builds over as configs, which replace them as a whole.

    These settings are plain mappings here, since building them needs torch. jsonargparse (4.53) takes an override of
    a mapping that holds `class_path` for a class's and fails, and puts `...init_args.lr` beside `init_args`.

    Raises:
        ConfigError: A single argument of such a part is set.
    """
    rewritten: list[str] = []
    waiting = iter(arguments)
    for word in waiting:
        option, equals, value = word.partition("=")
        part = next((part for part in BUILT_BY_TRAINING if option.startswith(f"--{part}")), None)
        if part is None:
            rewritten.append(word)
            continue
        if option != f"--{part}":
            raise ConfigError(
                f"{option} sets one argument of a part that only training builds. Set the whole part: "
                f"--{part} '{{class_path: ..., init_args: {{...}}}}', or change the --config file."
            )
        config: Any = yaml.safe_load(value if equals else next(waiting, "null"))
        for name in reversed(part.split(".")):
            config = {name: config}
        rewritten += ["--config", json.dumps(config)]
    return rewritten


def refuse_broken_yaml(arguments: list[str]) -> None:
    """Name the config file that is no YAML, where there is one: the parser says only what is wrong in it.

    Raises:
        ConfigError: A file given as --config cannot be read as YAML.
    """
    words = [part for word in arguments for part in word.split("=", 1)]
    for option, value in pairwise(words):
        path = Path(value)
        if option != "--config" or not path.is_file():
            continue
        try:
            yaml.safe_load(path.read_text("utf-8"))
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise ConfigError(
                f"{path} is not a YAML file: {' '.join(str(error).split())}. A config has one setting a line, "
                "`name: value`, those of a part indented below it. Correct the file; recipes/ has examples."
            ) from error


def known_names(parser: ArgumentParser) -> list[str]:
    """Return the names of all settings of a command, dotted."""
    return [action.dest for action in parser._actions if action.dest not in ("help", "print_config")]


def usage_message(error: Exception, program: str, names: list[str]) -> str:
    """Say in one paragraph what is wrong with a command line or its config file."""
    text = " ".join(str(error).split())
    text = text.rstrip(".") + "."
    near = near_name(text, names)
    meant = f" Did you mean {near}?" if near else ""
    return f"{text}{meant} Run `{program} --help` for all settings, `{program} --print_config ...` for those given."
