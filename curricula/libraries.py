"""Libraries that only some parts of a plan need."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from lessons.errors import MissingDependency

__all__ = ["needed_by"]


@contextmanager
def needed_by(part: object) -> Iterator[None]:
    """Turn a failed import into an error that names the part and the install command.

    Raises:
        MissingDependency: A library is not installed.
    """
    try:
        yield
    except ImportError as error:
        raise MissingDependency(
            f"{type(part).__name__} needs the package {error.name or error}, which is not installed; parts of a plan "
            "that stand on a library come with the extra 'plans'. Run: pip install 'tutelage[plans]'"
        ) from error
