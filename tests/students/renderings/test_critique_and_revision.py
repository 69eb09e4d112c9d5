from __future__ import annotations

from typing import Any

import pytest

from lessons.errors import RenderingError
from students import Critique, CritiqueAndRevision, Student
from tests.students.renderings.written import PROMPT, lesson, note, read, spans

REVISED = lesson(note("revision", "Two and two.", answer="4", subject="5", data={"critique": "Too many."}))
WORK = "Two and two.\nAnswer: 4<|end|>"


@pytest.mark.parametrize(
    ("critique", "asked", "learnt"),
    [
        ("written", "2+2? A: 5", f"Too many.\n\nImproved answer:\n{WORK}"),
        ("given", "2+2? A: 5\n\nCritique:\nToo many.", WORK),
        ("none", "2+2? A: 5", WORK),
    ],
)
def test_who_writes_the_critique(ascii_student: Student, critique: Any, asked: str, learnt: str) -> None:
    rendering = CritiqueAndRevision(critique, template="{question} A: {attempt}")
    assert spans(ascii_student, rendering, REVISED) == [
        [(f"<|begin|><|user|>{asked}<|end|><|assistant|>", 0.0), (learnt, 1.0)]
    ]
    assert read(ascii_student, rendering) == "<|begin|><|user|>2+2?<|end|><|assistant|>"


def test_a_revision_that_lacks_what_it_came_from_is_refused() -> None:
    alone = lesson(note("revision", "x", answer="4", subject="5"))
    with pytest.raises(RenderingError, match=r"does not say which critique it follows.*or set critique: none"):
        CritiqueAndRevision().exercises(alone)
    assert len(CritiqueAndRevision("none").exercises(alone)) == 1
    with pytest.raises(RenderingError, match=r"does not say which answer it follows"):
        CritiqueAndRevision("none").exercises(lesson(note("revision", "x", answer="4")))


def test_feedback_on_ones_own_answers_is_predicted(ascii_student: Student) -> None:
    """LaFFi: the student reads the question and its own answer, and learns the feedback that it got."""
    given = lesson(note("feedback_prediction", "One too many: 2 and 2 are 4.", answer="incorrect", subject="5"))
    rendering = Critique("{question} I said {attempt}.", of="feedback_prediction")
    assert spans(ascii_student, rendering, given) == [
        [
            ("<|begin|><|user|>2+2? I said 5.<|end|><|assistant|>", 0.0),
            ("One too many: 2 and 2 are 4.\nVerdict: incorrect<|end|>", 1.0),
        ]
    ]
    assert rendering.exam_messages(PROMPT) == PROMPT.messages


def test_the_critique_can_count_less_than_the_revision(ascii_student: Student) -> None:
    found = spans(ascii_student, CritiqueAndRevision(critique_weight=0.25), REVISED)[0][1:]
    assert found == [("Too many.", 0.25), (f"\n\nImproved answer:\n{WORK}", 1.0)]
    given = spans(ascii_student, CritiqueAndRevision("given", critique_weight=0.25), REVISED)[0][1:]
    assert given == [(WORK, 1.0)]  # it is not learnt there
