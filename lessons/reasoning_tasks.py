"""What the source and the grader of reasoning-gym tasks share: building a task, its traps, its entries in prompts."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable
from functools import cache
from typing import Any

from lessons.errors import ConfigError, DataError, MissingDependency
from lessons.records import Prompt

__all__ = ["BROKEN_SCORERS", "METADATA_KEY", "entry_of", "safe_to_score", "task_dataset"]

METADATA_KEY = "reasoning_gym"
"""Where a prompt's metadata holds its task, configuration and entry."""

BROKEN_SCORERS = {
    "game_of_life_halting": "it gives 1.0 to every text whose reference is False",
}
"""Tasks that cannot be graded, with the reason; checked against reasoning-gym 0.1.25."""

TUPLES_NEEDED = {"arc_agi": ("output",), "rearc": ("output",)}
"""Metadata that the scorer compares with tuples; JSON made lists of them."""

# These scorers call eval() or sympy.parse_expr() (which evaluates) on the answer: a model's text must not run.
LIST_SCORERS = {"binary_matrix", "n_queens", "spiral_matrix", "string_insertion"}
EXPRESSION_SCORERS = {
    "countdown", "intermediate_integration", "polynomial_multiplication", "puzzle24", "simple_integration",
}  # fmt: skip
PLAIN_LIST = re.compile(r"""[\w\s,\[\]'"._-]*""")
PLAIN_EXPRESSION = re.compile(
    r"(?:(?<![A-Za-z])(?:[A-Za-z]|sqrt|sin|cos|tan|exp|log|ln|pi)(?![A-Za-z(])|(?:sqrt|sin|cos|tan|exp|log)\(|"
    r"[0-9]{1,12}|[\s+\-*/^().,=])*"
)
LARGE_POWER = re.compile(r"(?:\*\*|\^)\s*+\(?+\s*+-?+\s*+(?![0-9]{1,2}(?!\s*(?:[0-9.^]|\*\*)))")
MAX_CHARACTERS = 5_000


def safe_to_score(task: str, answer: str) -> bool:
    """Whether an answer may reach the task's scorer: it is short, and no code where the scorer evaluates it.

    >>> safe_to_score("countdown", "94*4 - 61 - 6"), safe_to_score("countdown", "open('x')")
    (True, False)
    """
    if len(answer) > MAX_CHARACTERS:
        return False
    if task == "complex_arithmetic":  # its scorer gives 1.0 to "nan"
        return not re.search(r"nan|inf", answer, re.IGNORECASE)
    if task in LIST_SCORERS:
        return PLAIN_LIST.fullmatch(answer) is not None
    if task in EXPRESSION_SCORERS:
        powers = answer.count("**") + answer.count("^")
        nested = len(re.findall(r"\)\s*(?:\*\*|\^)", answer))
        plain = PLAIN_EXPRESSION.fullmatch(answer[:500]) is not None and len(answer) <= 500
        return plain and powers <= 12 and nested <= 1 and not LARGE_POWER.search(answer)
    return True


@cache
def library() -> tuple[Callable[..., Any], list[str]]:
    """Import reasoning-gym on first use; return how to create a task and the names there are."""
    try:
        import reasoning_gym
        from reasoning_gym.factory import DATASETS
    except ImportError as error:
        raise MissingDependency(
            "Reasoning tasks need the package reasoning-gym, which is not installed. "
            "Install it with: pip install 'tutelage[tasks]'"
        ) from error
    return reasoning_gym.create_dataset, sorted(DATASETS)


def task_dataset(task: str, config: dict[str, Any]) -> Any:
    """Return the procedural data set of a task, one for each configuration.

    Raises:
        MissingDependency: reasoning-gym is not installed.
        ConfigError: There is no such task, or it refuses the configuration.
    """
    return cached_dataset(task, json.dumps(config, sort_keys=True))


@cache
def cached_dataset(task: str, config: str) -> Any:
    """Build a task's data set; see `task_dataset`."""
    create, names = library()
    if task not in names:
        near = difflib.get_close_matches(task, names, 3)
        raise ConfigError(
            f"reasoning-gym has no task {task!r}. Did you mean {' or '.join(near)}? "
            if near
            else f"reasoning-gym has no task {task!r}; it has: {', '.join(names)}. "
        )
    try:
        return create(task, **json.loads(config))
    except (TypeError, ValueError, AssertionError) as error:
        raise ConfigError(
            f"The reasoning-gym task {task!r} refuses the configuration {config}: {error or type(error).__name__}. "
            f"Correct `config`; its fields are those of the task's configuration class."
        ) from error


def entry_of(prompt: Prompt) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """Return the task, its configuration and the scorer's entry that a prompt came from.

    Raises:
        DataError: The prompt did not come from `ReasoningGymSource`.
    """
    stored = prompt.metadata.get(METADATA_KEY)
    if not isinstance(stored, dict) or not {"task", "config", "metadata"} <= stored.keys():
        raise DataError(
            f"ReasoningTaskGrader cannot grade the prompt {prompt.id!r}: its metadata has no {METADATA_KEY!r} entry "
            f"(got {sorted(prompt.metadata) or 'nothing'}). Take the prompts from ReasoningGymSource, "
            "or choose another grader."
        )
    metadata = dict(stored["metadata"])
    for name in TUPLES_NEEDED.get(stored["task"], ()):
        metadata[name] = as_tuples(metadata[name])
    entry = {"question": prompt.question, "answer": prompt.reference, "metadata": metadata}
    return stored["task"], stored["config"], entry


def as_tuples(value: Any) -> Any:
    """Turn lists into tuples, all the way down."""
    return tuple(map(as_tuples, value)) if isinstance(value, list) else value
