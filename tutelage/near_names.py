"""What a misspelt setting was probably meant to be."""

from __future__ import annotations

import difflib
import importlib
import inspect
import re
from collections.abc import Iterable

__all__ = ["near_name"]

UNKNOWN_CLASS = re.compile(r"module '(?P<module>[\w.]+)' has no attribute '(?P<name>\w+)'")
UNKNOWN_ARGUMENT = re.compile(r"class_path '(?P<path>[\w.]+)': Option '(?P<name>[\w.]+)' is not accepted")
UNKNOWN_OPTION = re.compile(
    r"[Oo]ption '(?:--)?(?P<name>[\w.]+)' is not accepted|unrecognized arguments: --(?P<flag>[\w.]+)"
)


def near_name(message: str, options: Iterable[str]) -> str | None:
    """Return the name that is most like the one a message of the settings parser complains about; None without one.

    Args:
        message: What the parser said.
        options: Names of the command's own settings, dotted ("limits.in_flight").

    >>> near_name("Option 'limit.in_flight' is not accepted", ["limits.in_flight", "ledger"])
    'limits.in_flight'
    >>> near_name("module 'lessons' has no attribute 'NumberGradr'", [])
    'lessons.NumberGrader'
    """
    if found := UNKNOWN_CLASS.search(message):
        names = {f"{found['module']}.{name}" for name in exported(found["module"])}
        return nearest(f"{found['module']}.{found['name']}", names)
    if found := UNKNOWN_ARGUMENT.search(message):
        return nearest(found["name"].split(".")[0], arguments_of(found["path"]))
    if found := UNKNOWN_OPTION.search(message):
        wrong, known = found["name"] or found["flag"], list(options)
        return nearest(wrong, known) or nearest(wrong.split(".")[0], {name.split(".")[0] for name in known})
    return None


def nearest(name: str, candidates: Iterable[str]) -> str | None:
    """Return the candidate that is most like a name; None where none is much like it."""
    found = difflib.get_close_matches(name, [c for c in candidates if c != name], n=1, cutoff=0.7)
    return found[0] if found else None


def exported(module: str) -> list[str]:
    """Return the public names of a module that can be imported."""
    return list(getattr(importlib.import_module(module), "__all__", ()))


def arguments_of(path: str) -> list[str]:
    """Return the names of a class's constructor arguments; none where the class cannot be imported."""
    module, _, name = path.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError):
        return []
    return list(inspect.signature(found).parameters)
