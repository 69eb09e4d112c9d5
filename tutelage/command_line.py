"""A command line for a typed function: flags, --config, --print_config and plugin arguments, by jsonargparse."""

from __future__ import annotations

import dataclasses
import inspect
import json
from collections.abc import Callable
from typing import Any, NamedTuple, get_type_hints

import yaml
from jsonargparse import ArgumentError, ArgumentParser, set_parsing_settings

from lessons.errors import BadInput, ConfigError
from tutelage.settings import build

__all__ = ["make_parser", "run_function"]

BUILT_BY_TRAINING = ("training.optimizer", "training.schedule")

set_parsing_settings(
    docstring_parse_attribute_docstrings=True,  # a record's fields are documented below themselves
    instantiate_subclass_spec_in_any=False,  # what a course passes on to training is built there
)


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
    parser = make_parser(function, program)
    try:
        settings = parser.parse_args(whole_parts(arguments))
        built: dict[str, Any] = vars(parser.instantiate(settings, instantiators=[(build, object, True)]))
    except BadInput:
        raise
    except (ArgumentError, TypeError, ValueError, KeyError, OSError, ImportError, AttributeError) as error:
        raise ConfigError(usage_message(error, program)) from error
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


def usage_message(error: Exception, program: str) -> str:
    """Say in one paragraph what is wrong with a command line or its config file."""
    text = " ".join(str(error).split())
    text = text.rstrip(".") + "."
    return f"{text} Run `{program} --help` for all settings, `{program} --print_config ...` for those given."
