"""The one error tree: every error a user can cause or meet, each also a standard-library error.

A message has four parts: what is wrong, the value got, what is allowed, what to do next.
The commands turn these into exit codes: 2 for bad input (`BadInput`), 3 for `Stopped`, 1 for everything else.
"""

from __future__ import annotations

__all__ = [
    "BadInput",
    "BudgetExceeded",
    "CallFailed",
    "CheckpointMismatch",
    "ConfigError",
    "DataError",
    "MissingDependency",
    "MissingSecret",
    "ModelNotFound",
    "PartialResult",
    "RenderingError",
    "Stopped",
    "StorageError",
    "TrainingCollapsed",
    "TutelageError",
    "UnknownPrice",
]


class TutelageError(Exception):
    """Base of every error raised on purpose."""


class BadInput(TutelageError, ValueError):
    """Something the user gave cannot be used. Raised before money or hours are spent; fix the input and run again."""


class DataError(BadInput):
    """A row, column or file of data is unusable. The message names the file and line (or row)."""


class ConfigError(BadInput):
    """Settings contradict each other or name something that does not exist."""


class UnknownPrice(ConfigError):
    """A dollar budget was set for a model whose price is not known. Give the price or drop the dollar limit."""


class RenderingError(BadInput):
    """A lesson cannot be turned into training tokens (no supervised token, too long, no chat template ...)."""


class CheckpointMismatch(BadInput):
    """A checkpoint, logit store or curriculum belongs to another model, tokenizer or lesson set."""


class MissingSecret(TutelageError, KeyError):
    """The environment variable that should hold a key is unset. Export it and run again."""

    def __str__(self) -> str:
        """Return the message itself (KeyError would show its repr)."""
        return str(self.args[0]) if self.args else ""


class MissingDependency(TutelageError, ImportError):
    """An optional package is not installed. The message holds the install command."""


class ModelNotFound(BadInput, FileNotFoundError):
    """A model is neither on disk nor to be had from a hub."""


class StorageError(TutelageError, OSError):
    """The disk refused a write (full, read-only, locked). Nothing written before is lost; free space and run again."""


class CallFailed(TutelageError, RuntimeError):
    """A teacher call failed for good: a fatal answer, or retries used up."""

    attempts: int = 0
    """How often it was sent in this run."""


class TrainingCollapsed(TutelageError, RuntimeError):
    """Training undoes what it should teach. Going on would not help: change the settings the message names."""


class PartialResult(TutelageError, RuntimeError):
    """Some prompts could not be annotated. The failures are listed in a file; allow partial results or retry them."""


class Stopped(TutelageError, RuntimeError):
    """Work stopped with everything saved: by a budget or by the user. Run the same command again to go on."""


class BudgetExceeded(Stopped):
    """The next call could cross the budget. Raise the budget and run again: nothing is paid twice."""
