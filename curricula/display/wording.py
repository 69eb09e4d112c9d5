"""How numbers, parts and counts of a plan are written."""

from __future__ import annotations

from typing import Any

from curricula.signals.base import Column

__all__ = ["number", "part_text", "plural", "times", "unit"]


def part_text(part: dict[str, Any]) -> str:
    """Write the description of a part as a call, without what is not set.

    >>> part_text({"class_path": "curricula.Band", "init_args": {"by": "loss", "low": None, "high": 2.5}})
    "Band(by='loss', high=2.5)"
    """
    settings = [f"{name}={setting_text(value)}" for name, value in part["init_args"].items() if value is not None]
    name: str = part["class_path"].rpartition(".")[2]
    return name + (f"({', '.join(settings)})" if settings else "")


def setting_text(value: Any) -> str:
    """Write a setting; a part inside it becomes a call too."""
    if isinstance(value, dict) and "class_path" in value:
        return part_text(value)
    return f"[{', '.join(map(setting_text, value))}]" if isinstance(value, list) else repr(value)


def number(value: float) -> str:
    """Write a number briefly."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def unit(column: Column) -> str:
    """Return the unit with a space before it, or nothing."""
    return f" {column.unit}" if column.unit else ""


def plural(count: int, noun: str, several: str | None = None) -> str:
    """Write a count with its noun."""
    return f"{count:,} {noun if count == 1 else several or noun + 's'}"


def times(count: int) -> str:
    """Write how often."""
    return "once" if count == 1 else f"{count} times"
