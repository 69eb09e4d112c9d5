"""A dry run, told in words: what a command that asks a teacher would take."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from teachers.estimate import Estimate

__all__ = ["foretell"]


def foretell(found: Estimate) -> None:
    """Print what a run would take."""
    print("\n".join(foreseen(found)))


def foreseen(found: Estimate) -> list[str]:
    """Return what a run would take, in words."""
    from tutelage.report.page import dollars

    basis = "as long as the teacher's earlier replies" if found.measured_output else "each as long as allowed"
    money = "the price is not known"
    if found.dollars is not None and found.dollars_at_most is not None:
        money = f"about {dollars(found.dollars)}, at most {dollars(found.dollars_at_most)}"
    return [
        f"prompts: {found.prompts:,}",
        f"replies in the ledger already: {found.in_ledger:,}",
        f"new calls: {found.calls:,} for certain, at most {found.calls_at_most:,} where answers are asked for again",
        f"tokens read by the certain calls: about {found.input_tokens:,}",
        f"tokens written by them: about {found.output_tokens:,} ({basis})",
        f"tokens at the worst: {found.tokens_at_most:,}",
        f"cost: {money}",
        "Nothing was asked, nothing was spent.",
    ]
