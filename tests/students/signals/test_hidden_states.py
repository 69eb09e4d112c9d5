from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from lessons.errors import ConfigError
from lessons.lesson_set import LessonSet
from lessons.records import Lesson
from lessons.rows import ANNOTATION_SCHEMA, PROMPT_SCHEMA, annotation_to_row, prompt_to_row
from students import Student
from students.scoring import Scoring
from students.signals import AngleConcentration, HiddenStates


@pytest.fixture
def lessons(make_lessons: Callable[[int], list[Lesson]]) -> LessonSet:
    found = make_lessons(7)
    return LessonSet.join(
        pa.Table.from_pylist([prompt_to_row(lesson.prompt) for lesson in found], PROMPT_SCHEMA),
        pa.Table.from_pylist([annotation_to_row(a) for lesson in found for a in lesson.annotations], ANNOTATION_SCHEMA),
    )


def test_vectors_are_mean_states_of_each_text_read_alone(tiny_student: Student, lessons: LessonSet) -> None:
    chosen = np.array([5, 0, 3])
    found = HiddenStates(tiny_student, scoring=Scoring(tokens_per_batch=30)).embed(lessons, chosen)
    for position, vector in zip(chosen, found, strict=True):
        ids = tiny_student.encoder.tokenize([lessons[int(position)].prompt.question])
        states = tiny_student.model.model(input_ids=torch.tensor(ids)).last_hidden_state[0]
        mean = states.mean(dim=0)
        torch.testing.assert_close(torch.from_numpy(vector), (mean / mean.norm()).detach(), rtol=1e-4, atol=1e-5)


def test_a_missing_text_has_the_vector_zero(tiny_student: Student, lessons: LessonSet) -> None:
    found = HiddenStates(tiny_student, of="critique").embed(lessons, np.arange(2))
    assert not found.any()
    assert HiddenStates(tiny_student).embed(lessons, np.arange(0)).shape[0] == 0


def test_the_angle_concentration_by_hand(tiny_student: Student, lessons: LessonSet) -> None:
    found = AngleConcentration(tiny_student, scoring=Scoring(tokens_per_batch=90)).compute(lessons).values
    layer = tiny_student.model.model.layers[-1].mlp.up_proj
    for number, lesson in enumerate(lessons):
        text = tiny_student.encoder.texts([lesson.prompt.messages])[0]
        start = text.index(lesson.prompt.question)  # one token a character
        ids = tiny_student.encoder.tokenize([text[: start + len(lesson.prompt.question)]])
        before = len(tiny_student.encoder.tokenize([text[:start]])[0])
        seen = []
        handle = layer.register_forward_pre_hook(lambda module, given, seen=seen: seen.append(given[0]))
        tiny_student.model(input_ids=torch.tensor(ids))
        handle.remove()
        h = seen[0][0].double().detach().numpy()

        def cosine(a, b, h=h) -> float:
            return float(h[a] @ h[b] / np.linalg.norm(h[a]) / np.linalg.norm(h[b]))

        inside = [cosine(a, b) for a in range(before, len(h)) for b in range(before, a)]
        across = [cosine(a, b) for a in range(before) for b in range(before, len(h))]
        assert found[number] == pytest.approx(np.mean(inside) + 8 * np.mean(across), rel=1e-4)


def test_models_without_that_projection_are_refused(
    tiny_student: Student, lessons: LessonSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = GPT2LMHeadModel(GPT2Config(vocab_size=64, n_embd=16, n_layer=1, n_head=2))
    monkeypatch.setitem(tiny_student.__dict__, "model", other)
    with pytest.raises(ConfigError, match=r"mlp.up_proj, which GPT2LMHeadModel does not have.*Choose such a student"):
        AngleConcentration(tiny_student).compute(lessons)
