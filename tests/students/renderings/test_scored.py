from __future__ import annotations

import pytest

from lessons.errors import RenderingError
from lessons.records import Annotation, Lesson, Message, Prompt, Provenance
from students import ClassifiedQuestions, ScoredTexts, Student, TwoTask, render_all

SOURCE = Provenance("test", "test", "test/1", "0" * 64)


def judged(*values: float | None, name: str = "p") -> Lesson:
    prompt = Prompt(name, (Message("user", "1+1?"),), reference="even")
    written = []
    for k, value in enumerate(values):
        written.append(Annotation(name, "rationale", k, f"try {k}", SOURCE))
        if value is not None:
            written.append(Annotation(name, "judgement", k, "", SOURCE, value=value, subject=f"try {k}"))
    return Lesson(name, prompt, (), tuple(written))


def test_every_scored_text_is_one_sequence_read_at_its_end(tiny_student: Student) -> None:
    rendering, encoder = ScoredTexts(scored_by="judgement"), tiny_student.encoder
    found = render_all(rendering, [judged(0.25, 0.75, None)], encoder).examples["p"]
    assert [example.reward for example in found] == [0.25, 0.75]
    for k, example in enumerate(found):
        prompt, written = encoder.encode([((Message("user", "1+1?"),), f"try {k}")])[0]
        assert example.input_ids == [*prompt, *written, encoder.end_of_turn]
        assert example.weights == [0.0] * (len(example.input_ids) - 1) + [1.0]
        assert example.input_ids[-2] == encoder.end_of_turn  # what the head reads
        assert example.part in rendering.parts


def test_prompts_with_too_few_scored_texts_are_left_out_and_counted(tiny_student: Student) -> None:
    lessons = [judged(0.5, None, name="one"), judged(0.5, 0.6, 0.7, name="three")]
    found = render_all(ScoredTexts(scored_by="judgement", most=2), lessons, tiny_student.encoder)
    assert set(found.examples) == {"three"}
    assert len(found.examples["three"]) == 2
    assert found.left_out == {"one": "they have fewer than 2 texts of kind 'rationale' scored by 'judgement'"}
    alone = render_all(ScoredTexts(scored_by="judgement", fewest=1), lessons, tiny_student.encoder)
    assert set(alone.examples) == {"one", "three"}


def test_questions_are_put_as_another_rendering_puts_them(tiny_student: Student) -> None:
    lesson = judged(0.5, 0.6)
    for rendering in (ScoredTexts(rendering=TwoTask()), ClassifiedQuestions(rendering=TwoTask())):
        assert rendering.exam_messages(lesson.prompt) == TwoTask().exam_messages(lesson.prompt)


def classified(reference: str | None, data: dict[str, object] | None) -> Lesson:
    made = () if data is None else (Annotation("p", "class_scores", 0, "", SOURCE, data=data),)
    return Lesson("p", Prompt("p", (Message("user", "1+1?"),), reference=reference), made)


def test_a_question_is_read_where_its_answer_would_begin(tiny_student: Student) -> None:
    lesson = classified("even", {"logits": {"odd": -1, "even": 2.5}})
    (example,) = render_all(ClassifiedQuestions(), [lesson], tiny_student.encoder).examples["p"]
    asked = tiny_student.encoder.prompt_ids(lesson.prompt.messages)
    assert example.input_ids[:-1] == asked
    assert example.weights == [0.0] * len(asked) + [1.0]
    assert ClassifiedQuestions().logits(lesson, ["even", "odd"]) == [2.5, -1.0]


@pytest.mark.parametrize("data", [None, {}, {"logits": [1, 2]}, {"logits": {"even": 1}}])
def test_questions_without_a_class_or_logits_are_refused(data: dict[str, object] | None) -> None:
    with pytest.raises(RenderingError, match=r"Lesson 'p' has .* as 'logits' of an annotation of kind 'class_scores'"):
        ClassifiedQuestions().logits(classified("even", data), ["even", "odd"])
    with pytest.raises(RenderingError, match=r"Lesson 'p' has no reference; needed is the name of its class"):
        ClassifiedQuestions().exercises(classified(None, None))
