from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lessons.errors import ConfigError, DataError
from lessons.graders import NumberGrader
from lessons.records import Annotation, Message, Prompt
from lessons.tables import read_annotations
from teachers import Request, ScriptedBackend, distill
from teachers.annotators import DialogueAnnotator, ParseProblem
from teachers.backend import Completion
from teachers.estimate import estimate

PROMPT = Prompt("p", (Message("user", "What is 20+22?"),), reference="42")
STUDENT = ScriptedBackend("student:f")
TURN = {"question": "Where do I start?", "answer": "With the tens."}
TEACHER_WORDS = """\
You are a teacher. A student has to answer this question:

What is 20+22?

So far you have talked about it:

Student: Where do I start?

Teacher: With the tens.

Now the student asks:

And then?

Answer the student in a few sentences, as plainly as you can. Help the student to find the answer without giving it \
away: explain an idea, a rule or the next step, never the answer itself. Write only what you say to the student."""
STUDENT_WORDS = """\
What is 20+22?

You have talked with a teacher about this question:

You: Where do I start?

Teacher: With the tens.

"""


def completion(text: str) -> Completion:
    return Completion(text, "stop", 1, 1, "m")


def held(answering: Any, teacher: Any, student: Any, prompt: Prompt = PROMPT, **settings: Any) -> Annotation:
    asking, _ = answering(teacher, prompt=prompt, grader=NumberGrader(), others=turns_of(student))
    (found,) = asyncio.run(DialogueAnnotator(STUDENT, **settings).annotate(asking))
    assert isinstance(found, Annotation)
    return found


def turns_of(texts: list[str]) -> Any:
    rest = iter(texts)
    return lambda request: next(rest)


def test_the_shipped_templates_in_full() -> None:
    annotator = DialogueAnnotator(STUDENT)
    assert annotator.teacher_request(PROMPT, [TURN], "And then?").messages == (Message("user", TEACHER_WORDS),)
    (asks,) = annotator.student_request(PROMPT, [TURN], final=False).messages
    (answers,) = annotator.student_request(PROMPT, [TURN], final=True).messages
    assert asks.content == STUDENT_WORDS + (
        "Do not answer yet. Ask your teacher the one question whose answer would help you most. If you can answer "
        "already, write only the word READY."
    )
    assert answers.content == STUDENT_WORDS + (
        "Now answer the question. Write your steps briefly, and end with one last line of exactly this form, giving "
        "only the final answer:\nAnswer: <final answer>"
    )


def test_a_dialogue_ends_with_the_students_graded_answer(answering: Any) -> None:
    found = held(
        answering, ["With the tens.", "Add the ones."], ["Where do I start?", "And then?", "40+2\nAnswer: 42"], turns=2
    )
    assert found.data["turns"] == [TURN, {"question": "And then?", "answer": "Add the ones."}]
    assert (found.answer, found.value, found.trusted, found.data["student"]) == ("42", 1.0, True, "s")
    assert found.text.startswith("Student: Where do I start?\n\nTeacher: With the tens.\n\nStudent: And then?")
    assert found.text.endswith("\n\nStudent: 40+2\nAnswer: 42")
    source = found.provenance
    assert (source.teacher, source.model, source.input_tokens, source.cost_dollars) == ("T", "m", 50, 1.25)
    assert [label.partition("@")[0] for label in source.template.split("+")] == ["dialogue/1", "dialogue_student/1"]


def test_a_student_that_is_ready_ends_the_questions(answering: Any) -> None:
    found = held(answering, [], ["**Ready.**", "Answer: 40"])
    assert (found.data["turns"], found.answer, found.value, found.trusted) == ([], "40", 0.0, False)
    assert found.problem is None


def test_a_teacher_that_gives_the_answer_away_ends_the_dialogue(answering: Any) -> None:
    found = held(answering, ["Tens first.", "So the answer is 42."], ["Where do I start?", "And then?"])
    assert found.problem is not None
    assert found.problem.startswith("turn 2: the teacher's answer: gives the answer away")
    assert (len(found.data["turns"]), found.answer, found.trusted) == (2, None, False)
    told = held(answering, ["The answer is 42."], ["What is it?", "Answer: 42"], turns=1, telling="everything")
    assert (told.problem, told.value) == (None, 1.0)


def test_a_teacher_that_saw_the_answer_may_not_pass_it_on(answering: Any) -> None:
    found = held(answering, ["The answer is 42."], ["What is it?"], telling="everything", show_reference=True)
    assert found.problem is not None
    assert "gives the answer away" in found.problem
    assert found.saw_reference


def test_the_use_of_a_dialogue_can_be_told(answering: Any) -> None:
    student = ["Answer: 41", "Where do I start?", "Answer: 42"]
    found = held(answering, ["With the tens."], student, turns=1, answer_first=True)
    assert found.data["before"] == {"text": "Answer: 41", "answer": "41", "correct": False}
    assert found.value == 1.0


def test_turns_that_cannot_be_used_are_problems(answering: Any) -> None:
    cut = Completion("and then", "length", 1, 9, "m")
    cases: list[tuple[Any, list[Any], str]] = [
        ([], [" ", ""], "turn 1: the student's question: nothing was written"),
        ([cut], ["Why?"], "turn 1: the teacher's answer: cut off at the token limit"),
        (["Because."], ["Why?", "Dunno.", "Still not."], 'the final answer: no line starts with "Answer:"'),
    ]
    for teacher, student, problem in cases:
        found = held(answering, teacher, student, turns=1)
        assert found.problem is not None
        assert found.problem.startswith(problem)


@given(st.text() | st.text(alphabet="Answer: 42\n*"))
def test_nothing_but_the_documented_error_is_raised(text: str) -> None:
    annotator = DialogueAnnotator(STUDENT)
    for read in (annotator.parse, annotator.read_turn):
        try:
            fields = read(completion(text), PROMPT)
        except ParseProblem:
            continue
        assert fields.text == text.strip()


def test_what_cannot_be_graded_is_refused_before_it_is_paid_for(answering: Any) -> None:
    with pytest.raises(DataError, match="reference"):
        held(answering, [], [], prompt=Prompt("p", PROMPT.messages))


def test_a_dialogue_has_a_turn_and_a_run() -> None:
    with pytest.raises(ConfigError, match="turns of DialogueAnnotator is 0; a dialogue has at least 1"):
        DialogueAnnotator(STUDENT, turns=0).check(None)
    annotator = DialogueAnnotator(STUDENT, turns=3)
    assert annotator.foresee(PROMPT) == ([], 6)
    example = annotator.example(PROMPT)
    assert example is not None
    assert example.messages[0].content.count("Teacher: think of it") == 2


def pupil(request: Request) -> str:
    """Asks about each column until told of the carry, then adds."""
    text = request.messages[-1].content
    if "Now answer" in text:
        return "Answer: " + str(sum(map(int, text.partition("=?")[0].split("+"))))
    return "READY" if "carry" in text else "What do I do with the tens?"


def master(request: Request) -> str:
    return "Add the ones first and remember the carry."


def test_a_whole_run_with_a_student(tmp_path: Path, sums: Any) -> None:
    module = type(sys)("teachers_dialogue")
    module.pupil, module.master = pupil, master  # type: ignore[attr-defined]
    sys.modules["teachers_dialogue"] = module
    annotator = DialogueAnnotator(ScriptedBackend("teachers_dialogue:pupil"))
    teacher = ScriptedBackend("teachers_dialogue:master")
    summary = distill(sums(20), teacher, [annotator], NumberGrader(), tmp_path / "l", tmp_path / "o")
    found = list(read_annotations(tmp_path / "o"))
    assert (len(found), summary.calls) == (20, 80)
    assert all(a.trusted and len(a.data["turns"]) == 1 and a.value == 1.0 for a in found)
    assert distill(sums(20), teacher, [annotator], NumberGrader(), tmp_path / "l", tmp_path / "o").calls == 0
    foreseen = estimate(sums(20), teacher, [annotator], NumberGrader(), tmp_path / "no ledger")
    turns_of_both = 3 + 3 + 1  # and the student's answer, each once more where it cannot be read
    assert (foreseen.calls, foreseen.calls_at_most) == (20, 20 * 2 * turns_of_both)
    assert summary.input_tokens + summary.output_tokens <= foreseen.tokens_at_most
    again = estimate(sums(20), teacher, [annotator], NumberGrader(), tmp_path / "l")
    assert (again.calls, again.in_ledger) == (0, 20)
