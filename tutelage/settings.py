"""Parts as data: the class_path/init_args of an object, as courses stamp on their steps and write into configs.

What a command line builds is remembered as it is built. For what a Python program builds, the arguments are read back
from the attributes of the same names: constructors of plugins only store.
"""

from __future__ import annotations

import dataclasses
import enum
import hashlib
import importlib
import inspect
import json
import weakref
from collections.abc import Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

from jsonargparse import Namespace

from lessons.errors import ConfigError

__all__ = ["JSON", "build", "differences", "digest", "settings_of"]

JSON = None | bool | int | float | str | list["JSON"] | dict[str, "JSON"]


Built = TypeVar("Built")

remembered: MutableMapping[object, dict[str, object]] = weakref.WeakKeyDictionary()
"""The constructor arguments of living objects."""


def build(kind: type[Built], /, *positional: object, **arguments: object) -> Built:
    """Build an object and remember its arguments; given to jsonargparse as its way of building."""
    made = kind(*positional, **arguments)
    if not positional and not dataclasses.is_dataclass(made):  # a dataclass tells its fields itself
        remembered[made] = arguments
    return made


def settings_of(value: object) -> JSON:
    """Write a value down as JSON; an object becomes {"class_path": ..., "init_args": {...}}.

    Raises:
        ConfigError: An object does not keep its constructor's arguments under their names.
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, enum.Enum):
        return settings_of(value.value)
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Namespace):  # a part that only training builds, inside a mapping or a list
        return settings_of(vars(value))
    if isinstance(value, Mapping):
        return {str(name): settings_of(item) for name, item in value.items()}
    if isinstance(value, Sequence | set | frozenset):
        return [settings_of(item) for item in value]
    return {"class_path": class_path(type(value)), "init_args": cast("JSON", arguments_of(value))}


def arguments_of(value: object) -> dict[str, JSON]:
    """Return the constructor arguments of an object: remembered, or read from the attributes of the same names."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: settings_of(getattr(value, field.name)) for field in dataclasses.fields(value) if field.init
        }
    if type(value).__init__ is object.__init__:
        return {}
    if value in remembered:
        return {name: settings_of(item) for name, item in remembered[value].items()}
    names = [name for name in inspect.signature(type(value).__init__).parameters if name != "self"]
    missing = [name for name in names if not hasattr(value, name)]
    if missing:
        raise ConfigError(
            f"{type(value).__name__} does not keep its constructor's argument(s) {', '.join(missing)}. "
            "A plugin's constructor must store every argument in the attribute of the same name, so that a course can "
            "write down what it used. Add `self.<name> = <name>` for each."
        )
    return {name: settings_of(getattr(value, name)) for name in names}


def class_path(kind: type) -> str:
    """Return the shortest import path of a class: its package's, where the package re-exports it."""
    parts = kind.__module__.split(".")
    for length in range(1, len(parts)):
        package = importlib.import_module(".".join(parts[:length]))
        if getattr(package, kind.__qualname__, None) is kind:
            return f"{package.__name__}.{kind.__qualname__}"
    return f"{kind.__module__}.{kind.__qualname__}"


def digest(settings: Mapping[str, Any]) -> str:
    """Return a short SHA-256 of settings, the same for any order of keys."""
    text = json.dumps(settings, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def differences(before: Any, now: Any, path: str = "") -> list[str]:
    """Name every setting that differs, as "path: before -> now".

    >>> differences({"seed": 0, "arms": {"a": {"passes": 2}}}, {"seed": 0, "arms": {"a": {"passes": 3}}})
    ['arms.a.passes: 2 -> 3']
    """
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        found: list[str] = []
        for name in [*before, *(name for name in now if name not in before)]:
            found += differences(before.get(name), now.get(name), f"{path}.{name}" if path else str(name))
        return found
    if isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        return [
            line
            for k, (old, new) in enumerate(zip(before, now, strict=True))
            for line in differences(old, new, f"{path}[{k}]")
        ]
    return [] if before == now else [f"{path}: {shown(before)} -> {shown(now)}"]


def shown(value: object, limit: int = 80) -> str:
    """Show a setting in a message, cut to a readable length."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= limit else text[: limit - 3] + "..."
