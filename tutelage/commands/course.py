"""`tutelage course`: everything from prompts to a report, in rounds, resumable at the first unfinished step."""

from __future__ import annotations

from tutelage.course import Course

__all__ = ["course"]


def course(course: Course) -> None:
    """Run a course, or go on with it where it stopped.

    A round asks a teacher about prompts, plans a curriculum for every arm, fine-tunes one student an arm, lets all of
    them sit the same exam, and writes a report. Every step that is finished is skipped when the command is run again.

    Args:
        course: The course.
    """
    from tutelage.rounds import run_course

    run_course(course)
