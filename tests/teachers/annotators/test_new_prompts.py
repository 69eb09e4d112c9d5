from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lessons.errors import ConfigError
from lessons.records import Annotation, Attempt, Grade, Message, Prompt, Provenance
from lessons.tables import write_attempts
from teachers.annotators import NewPromptsAnnotator, ParseProblem
from teachers.backend import Completion, Request

PROMPT = Prompt("p", (Message("system", "Be kind."), Message("user", "What is 20+2?")), "22", topic="sums")
CHOICE = Prompt("c", (Message("user", "Which is even?"),), reference="4", choices=("3", "4"))
WORDS = """\
Here is a question for students on sums:

What is 20+2?

Make one new question that asks for the same knowledge but is clearly harder: more steps, a further condition, or less \
given. A question must make sense by itself, without the one above, and have exactly one right answer that can be \
checked.

Reply with one JSON object of exactly this form and nothing else:
{
  "questions": [{
    "question": "<the whole question>",
    "answer": "<only the final answer>"
  }, ...]
}"""


def completion(text: str) -> Completion:
    return Completion(text, "stop", 1, 1, "m")


def questions(*asked: tuple[str, str], **more: Any) -> str:
    return json.dumps({"questions": [{"question": q, **more, "answer": a} for q, a in asked]})


def made(answering: Any, annotator: NewPromptsAnnotator, reply: Any, **more: Any) -> list[Annotation]:
    asking, _ = answering(reply, **{"prompt": PROMPT, **more})
    return asyncio.run(annotator.annotate(asking))


def test_the_shipped_template_in_full() -> None:
    (request,) = NewPromptsAnnotator(["harder"]).foresee(PROMPT)[0]
    assert request.messages == (PROMPT.messages[0], Message("user", WORDS))
    assert request.schema == NewPromptsAnnotator(["harder"]).schema_for(PROMPT)


@pytest.mark.parametrize(
    ("aim", "count", "words"),
    [
        ("easier", 1, "Make one new question that asks for the same knowledge but is clearly easier"),
        ("easier", 3, "Make 3 new questions, each different from the others, that ask for the same knowledge but are"),
        ("similar", 1, "Make one new question of the same kind and just as hard"),
        ("skills", 1, "that can only be answered by joining these two skills: "),
        ("prerequisites", 2, "on what a student must know before trying the question above"),
    ],
)
def test_each_aim_has_its_words(aim: Any, count: int, words: str) -> None:
    annotator = NewPromptsAnnotator([aim], count, skills=["adding", "rounding"])
    assert words in annotator.foresee(PROMPT)[0][0].messages[-1].content


def test_each_question_is_an_annotation_and_only_the_first_carries_the_cost(answering: Any) -> None:
    reply = questions(("What is 20+2+7?", "29"), ("What is 120+65?", "185 "))
    found = made(answering, NewPromptsAnnotator(["harder"], count=2), [reply])
    assert [(a.text, a.answer, a.sample, a.problem) for a in found] == [
        ("What is 20+2+7?", "29", 0, None),
        ("What is 120+65?", "185", 1, None),
    ]
    assert found[0].data == {"aim": "harder", "topic": "sums", "system": "Be kind."}
    assert [(a.provenance.output_tokens, a.provenance.cost_dollars) for a in found] == [(5, 0.25), (0, 0.0)]


def test_several_aims_are_numbered_apart(answering: Any) -> None:
    def reply(request: Request) -> str:
        harder = "clearly harder" in request.messages[-1].content
        return questions(("What is 20+2+7?", "29") if harder else ("What is 2+0?", "2"))

    found = made(answering, NewPromptsAnnotator(["harder", "easier"], count=2), reply)
    assert [(a.data["aim"], a.sample, a.answer) for a in found] == [("harder", 0, "29"), ("easier", 2, "2")]


def test_repetitions_and_scraps_are_kept_with_a_problem(answering: Any) -> None:
    reply = questions(("What is 20+2 ?", "22"), ("Sum?", "1"), ("What is 5+6?", "11"), ("So what is 5+6?", "11"))
    found = made(answering, NewPromptsAnnotator(["similar"], count=4), [reply])
    assert [a.problem for a in found] == [
        "nearly repeats 'What is 20+2?'",
        "too short: 2 words, numbers and symbols of at least 4",
        None,
        "nearly repeats 'What is 5+6?'",
    ]


def test_a_pair_of_skills_is_drawn_the_same_way_every_time(answering: Any) -> None:
    annotator = NewPromptsAnnotator(["skills"], skills=["adding", "rounding", "guessing", "adding"])
    pairs = {tuple(annotator.skills_for(Prompt(f"p{k}", PROMPT.messages), ())) for k in range(50)}
    assert len(pairs) == 6
    assert all(a != b for a, b in pairs)
    (found,) = made(answering, annotator, [questions(("Round 19 and add 3. What is it?", "23"))])
    assert tuple(found.data["skills"]) == tuple(annotator.skills_for(PROMPT, ()))


def test_skills_may_come_from_an_earlier_annotation(answering: Any) -> None:
    source = Provenance("T", "m", "skills/1", "k")
    earlier = [Annotation("p", "skills", 0, "", source, data={"skills": ["adding", "halving"]})]
    annotator = NewPromptsAnnotator(["skills"])
    (found,) = made(answering, annotator, [questions(("Halve 20 and add 2. What is it?", "12"))], earlier=earlier)
    assert sorted(found.data["skills"]) == ["adding", "halving"]
    assert made(answering, annotator, [], earlier=[]) == []
    assert annotator.foresee(PROMPT) == ([], 2)
    named = [Annotation("p", "skills", 0, "", source, "adding, halving")]
    assert sorted(annotator.skills_for(PROMPT, named)) == ["adding", "halving"]


def test_questions_are_aimed_at_a_failure(tmp_path: Path, answering: Any) -> None:
    path = tmp_path / "attempts.parquet"
    wrong = Attempt("p", "student", "20+2=40", 1, Grade(False, 0.0, "40", "number/1", "wrong"))
    write_attempts(path, [Attempt("p", "student", "22", 0, Grade(True, 1.0, "22", "number/1")), wrong])
    annotator = NewPromptsAnnotator(["failures"], attempts=str(path))
    annotator.check(None)
    asking, seen = answering([questions(("What is 30+4?", "34"))], prompt=PROMPT)
    (found,) = asyncio.run(annotator.annotate(asking))
    assert "A student failed it by writing:\n\n20+2=40\n" in seen[0].messages[-1].content
    assert (found.subject, found.data["subject"]["author"], found.data["subject"]["sample"]) == (
        "20+2=40",
        "student",
        1,
    )
    assert annotator.foresee(CHOICE) == ([], 0)


def test_options_are_asked_for_where_the_prompt_has_some(answering: Any) -> None:
    annotator = NewPromptsAnnotator(["similar"])
    reply = questions(("Which of these is odd?", "7"), choices=["6", "7 "])
    (found,) = made(answering, annotator, [reply], prompt=CHOICE)
    assert (found.answer, found.data["choices"]) == ("7", ["6", "7"])
    assert "as many options as the question above has" in annotator.foresee(CHOICE)[0][0].messages[0].content
    with pytest.raises(ParseProblem, match=r"at \$\.questions\[0\]\.answer: '9' is none of the choices"):
        annotator.parse(completion(questions(("Which of these?", "9"), choices=["6", "7"])), CHOICE)
    with pytest.raises(ParseProblem, match=r"at \$\.questions\[0\]\.choices: an option comes twice"):
        annotator.parse(completion(questions(("Which of these?", "6"), choices=["6", "6"])), CHOICE)


def test_without_answers_none_are_asked_for(answering: Any) -> None:
    annotator = NewPromptsAnnotator(["harder"], with_answers=False)
    (found,) = made(answering, annotator, [json.dumps({"questions": [{"question": "What is 3 times 7?"}]})])
    assert (found.text, found.answer) == ("What is 3 times 7?", None)


def test_an_unreadable_reply_is_kept_once(answering: Any) -> None:
    (found,) = made(answering, NewPromptsAnnotator(["harder"], count=3, repairs=0), ["No."])
    assert (found.problem, found.text, found.data["aim"]) == ("no JSON object", "No.", "harder")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"questions": []}', r"at \$\.questions: "),
        (questions(("a b c d", "1"), ("e f g h", "2")), r"at \$\.questions: "),
        (questions((" ", "1")), r"at \$\.questions\[0\]: the question, the answer or an option is empty"),
        (questions(("a b c d", "")), r"at \$\.questions\[0\]: the question, the answer or an option is empty"),
        ('{"questions": [{"question": "x"}]}', r"at \$\.questions\[0\]: 'answer' is a required property"),
    ],
)
def test_other_replies_are_problems_with_their_place(text: str, problem: str) -> None:
    with pytest.raises(ParseProblem, match=problem):
        NewPromptsAnnotator(["harder"]).parse(completion(text), PROMPT)


entry = st.fixed_dictionaries(
    {
        "question": st.text(max_size=3),
        "answer": st.sampled_from(["a", "b", " ", 1]),
        "choices": st.lists(st.text(max_size=1)),
    }
)


@given(st.text() | st.lists(entry, max_size=2).map(lambda found: json.dumps({"questions": found})))
def test_nothing_but_the_documented_error_is_raised(text: str) -> None:
    try:
        fields = NewPromptsAnnotator(["harder"], count=2).parse(completion(text), CHOICE)
    except ParseProblem:
        return
    assert all(one["answer"] in one["choices"] for one in fields.data["questions"])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"aims": []}, r"got aims=\[\], count=1.*allowed are different aims out of harder, easier"),
        ({"aims": ["harder", "harder"]}, "allowed are different aims"),
        ({"aims": ["harder"], "count": 0}, "a count of at least 1"),
        ({"aims": ["failures"]}, 'The aim "failures" needs attempts graded wrong; there are none in attempts=None'),
        ({"aims": ["skills"], "skills": ["one"]}, r"skills of NewPromptsAnnotator is \['one'\]; at least 2 different"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        NewPromptsAnnotator(**settings).check(None)
