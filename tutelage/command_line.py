"""A command line for a typed function: flags, --config, --print_config and plugin arguments, by jsonargparse."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from jsonargparse import ArgumentError, ArgumentParser

from lessons.errors import BadInput, ConfigError

__all__ = ["make_parser", "run_function"]


def make_parser(function: Callable[..., object], program: str) -> ArgumentParser:
    """Build the parser of a function's settings. Loads no weights and opens no connection.

    Args:
        function: Typed and documented; plugin arguments are typed with their base class.
        program: How the command is called, for messages.
    """
    summary = inspect.cleandoc(function.__doc__ or "").split("\nArgs:")[0].strip()
    parser = ArgumentParser(prog=program, description=summary, exit_on_error=False)
    parser.add_argument("--config", action="config", help="a YAML file with any of the settings below")
    parser.add_function_arguments(function, as_group=False, as_positional=False, sub_configs=True)
    return parser


def run_function(function: Callable[..., object], program: str, arguments: list[str]) -> object:
    """Parse the arguments, build the plugins they name, and call the function.

    Raises:
        ConfigError: A setting is unknown, missing or of the wrong kind.
    """
    parser = make_parser(function, program)
    try:
        settings = parser.parse_args(arguments)
        built: dict[str, Any] = vars(parser.instantiate(settings))
    except BadInput:
        raise
    except (ArgumentError, TypeError, ValueError, KeyError, OSError, ImportError, AttributeError) as error:
        raise ConfigError(usage_message(error, program)) from error
    built.pop("config")
    return function(**built)


def usage_message(error: Exception, program: str) -> str:
    """Say in one paragraph what is wrong with a command line or its config file."""
    text = " ".join(str(error).split())
    text = text.rstrip(".") + "."
    return f"{text} Run `{program} --help` for all settings, `{program} --print_config ...` for those given."
