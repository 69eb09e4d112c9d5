from __future__ import annotations

import lessons
import lessons.graders
import lessons.sources


def test_the_public_names_are_sorted_and_there() -> None:
    for package in (lessons, lessons.graders, lessons.sources):
        assert package.__all__ == sorted(package.__all__)
        assert all(hasattr(package, name) for name in package.__all__)


def test_all_pairings_are_public() -> None:
    assert {n for n in lessons.pairings.__all__ if n[0].isupper() and n != "GRADE"} <= set(lessons.__all__)


def test_all_graders_and_sources_are_public() -> None:
    assert set(lessons.graders.__all__) | set(lessons.sources.__all__) <= set(lessons.__all__)
