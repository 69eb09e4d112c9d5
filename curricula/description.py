"""Say which part with which settings made something, in the words of the configuration files."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from lessons.errors import ConfigError

__all__ = ["describe"]


def describe(part: object) -> dict[str, Any]:
    """Return the `class_path` and `init_args` that build `part` again, as JSON values.

    The path is the short one ("curricula.Tiers") where the top package re-exports the class.

    Raises:
        ConfigError: The part does not follow the rule that constructors store each argument under its own name.
    """
    cls = type(part)
    top = cls.__module__.partition(".")[0]
    short = getattr(sys.modules.get(top), cls.__name__, None) is cls
    path = f"{top if short else cls.__module__}.{cls.__qualname__}"
    settings = {}
    for name in inspect.signature(cls).parameters:
        if not hasattr(part, name):
            raise ConfigError(
                f"{path} does not keep its constructor argument {name!r}; a plan must be able to say how it was made, "
                f"so every part stores each argument under its own name. Add `self.{name} = {name}` to its constructor."
            )
        settings[name] = plain(getattr(part, name))
    return {"class_path": path, "init_args": settings}


def plain(value: object) -> Any:
    """Turn a setting into JSON values; a nested part becomes its own description."""
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return describe(value)
