"""What an annotator knows of a whole run: for those that compare prompts with each other or sum up at the end."""

from __future__ import annotations

from collections.abc import Iterable

from lessons.records import Annotation, Prompt

__all__ = ["Roll"]


class Roll:
    """One annotator's record of one run. All calls come from one thread, in the order of the prompts.

    `enroll` is called for every prompt before any annotator works on it, `see` for every prompt's annotations of this
    annotator in output order, `conclude` once at the end. So what a roll knows never depends on which reply came first.
    """

    def enroll(self, prompt: Prompt) -> None:
        """Take note of the next prompt."""
        return

    def see(self, annotation: Annotation) -> None:
        """Take note of what the annotator wrote."""
        return

    def conclude(self) -> Iterable[Annotation]:
        """Return annotations that only the whole run allows; they are written after all others."""
        return ()
