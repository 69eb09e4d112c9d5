"""Opens in a window what the terminal cannot show: a report's page, a plan's picture."""

from __future__ import annotations

import os
import sys
import webbrowser
from pathlib import Path

from lessons.errors import DataError
from tutelage.planning import PICTURE

__all__ = ["has_screen", "open_view", "view_of"]


def open_view(path: Path) -> None:
    """Open the page or picture that belongs to a path with the program that the system has for it.

    Raises:
        DataError: There is none.
    """
    found = view_of(path)
    if found is None:
        raise DataError(
            f"No page at {page_of(path)}, and no picture of a plan. A page is written at the end of each round, a "
            "picture with every plan; give a course's, a round's or a plan's folder."
        )
    if not webbrowser.open(found.resolve().as_uri()):
        print(f"No web browser was found. Open this file with one: {found.resolve()}")


def view_of(path: Path) -> Path | None:
    """Return the page of a course, round or report, or else the picture of a plan; None where there is neither."""
    folder = path if path.is_dir() else path.parent
    picture = folder / PICTURE
    if picture.exists() and (path.name.startswith("curriculum.") or not page_of(path).exists()):
        return picture
    return page_of(path) if page_of(path).exists() else None


def page_of(path: Path) -> Path:
    """Return where the page that belongs to a path would be."""
    if path.suffix == ".html":
        return path
    return (path if path.is_dir() else path.parent) / "report.html"


def has_screen() -> bool:
    """Return whether somebody sits before a terminal on a machine that can open windows."""
    window = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or sys.platform in ("darwin", "win32")
    return bool(window) and sys.stdout.isatty()
