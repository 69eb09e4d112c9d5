"""`tutelage show`: look at what lies on disk."""

from __future__ import annotations

from pathlib import Path

from lessons.errors import DataError

__all__ = ["show"]


def show(path: str, rows: int = 5, lesson: str | None = None, browser: bool | None = None) -> None:
    """Show a course, a round, a ledger, lessons, a curriculum, attempts or a report in the terminal.

    A curriculum's picture is opened beside its summary where there is a screen.

    Args:
        path: What to look at: a course's, a round's or an arm's folder, a ledger, or any file that a course writes.
        rows: How many rows, lessons or answers to show in full.
        lesson: In a curriculum, the id of a lesson: say why it is where it is.
        browser: True only opens the page (report.html) of a course, a round or a report, or the picture of a
            curriculum; False opens nothing.
    """
    from rich.console import Console

    from tutelage import opening, viewing
    from tutelage.planning import PICTURE

    place = Path(path)
    if not place.exists():
        raise DataError(f"Nothing is at {path}. Give a folder or file that a course wrote, such as runs/quickstart.")
    if browser:
        opening.open_view(place)
        return
    console = Console(highlight=False)
    for part in viewing.view(place, rows, lesson):
        console.print(part)
    found = opening.view_of(place)
    pictured = found is not None and found.name == PICTURE and lesson is None
    if pictured and browser is None and opening.has_screen():
        opening.open_view(place)
