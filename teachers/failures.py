"""The list of what could not be had: one JSON line for each, next to the output, to be read and to be retried alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from lessons.errors import ConfigError, DataError
from lessons.files import write_text
from teachers.working import Failure

__all__ = ["failed_prompts", "failures_path", "partial_message", "write_failures"]


def failures_path(out: Path) -> Path:
    """Return where the failures of a run are listed."""
    return out.with_name("failures.jsonl")


def write_failures(out: Path, failures: Sequence[Failure]) -> None:
    """List the failures next to the output; an old list goes when there are none."""
    path = failures_path(out)
    if failures:
        write_text(path, "".join(json.dumps(asdict(failure), ensure_ascii=False) + "\n" for failure in failures))
    else:
        path.unlink(missing_ok=True)


def failed_prompts(out: Path) -> frozenset[str]:
    """Return the ids of the prompts listed next to an output.

    Raises:
        ConfigError: There is no list.
        DataError: A line of it cannot be read.
    """
    path = failures_path(out)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise ConfigError(
            f"retry_failed was given, but there is no {path}. It is written by a run in which some annotations could "
            "not be had. Leave retry_failed out."
        ) from None
    found = set()
    for number, line in enumerate(lines, 1):
        try:
            found.add(str(json.loads(line)["prompt_id"]))
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(
                f"{path}, line {number} is no failure ({type(error).__name__}: {error}): {line[:100]!r}. A line is a "
                'JSON object with "prompt_id". Delete the file and run without retry_failed to have it written again.'
            ) from error
    return frozenset(found)


def partial_message(out: Path, failures: Sequence[Failure], prompts: int) -> str:
    """Say what is missing and what to do."""
    return (
        f"{len(failures)} annotations of {len({f.prompt_id for f in failures})} of {prompts} prompts could not be had. "
        f"The first: {failures[0].kind} of {failures[0].prompt_id!r}: {failures[0].reason[:300]} All are listed in "
        f"{failures_path(out)}. Everything else is in the ledger: run the same command again to retry what failed "
        f"(with retry_failed: only that, and nothing that is new), or with allow_partial to write {out} without it."
    )
