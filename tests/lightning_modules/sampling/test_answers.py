from __future__ import annotations

import numpy as np
from outspoken import pupil

from lessons.records import Message
from lightning_modules.sampling import Answer, Asked, texts


def test_texts_are_what_a_grader_reads() -> None:
    student = pupil()
    asked = Asked(0, 0, 0, np.array([1], np.int32), 0, "p", 0, 1.0)
    written = student.encoder.completion_ids([Message("user", "1+1?")], "is 2")
    whole, cut = (Answer(asked, np.array(ids, np.int32), False, 0) for ids in (written, written[:-1]))
    assert texts(student, [whole, cut]) == ["is 2", "is 2"]
    assert texts(student, []) == []
