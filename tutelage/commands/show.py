"""`tutelage show`: look at what lies on disk."""

from __future__ import annotations

from pathlib import Path

from lessons.errors import DataError

__all__ = ["show"]


def show(path: str, rows: int = 5, lesson: str | None = None, browser: bool = False) -> None:
    """Show a course, a round, a ledger, lessons, a curriculum, attempts or a report in the terminal.

    Args:
        path: What to look at: a course's, a round's or an arm's folder, a ledger, or any file that a course writes.
        rows: How many rows, lessons or answers to show in full.
        lesson: In a curriculum, the id of a lesson: say why it is where it is.
        browser: Open the page (report.html) of a course, a round or a report in the web browser.
    """
    from rich.console import Console

    from tutelage import viewing

    place = Path(path)
    if not place.exists():
        raise DataError(f"Nothing is at {path}. Give a folder or file that a course wrote, such as runs/quickstart.")
    if browser:
        viewing.open_page(place)
        return
    console = Console(highlight=False)
    for part in viewing.view(place, rows, lesson):
        console.print(part)
