from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from lessons.records import Annotation, Message, Prompt, Provenance
from teachers.annotators.new_questions import checked, split, tidy
from teachers.annotators.subjects import Subject
from teachers.near_duplicates import NearDuplicates, tokens

BARE = Prompt("p", (Message("user", "What is 20+2?"),))
PROMPT = Prompt("p", (Message("system", "Be kind."), Message("user", "What is 20+2?")), topic="sums")
SOURCE = Provenance("T", "m", "new_prompt/1", "key", 10, 5, 0.25, "stop")


def reply(*questions: dict[str, Any], **more: Any) -> Annotation:
    return Annotation("p", "new_prompt", 0, "{...}", SOURCE, data={"questions": list(questions)}, **more)


def question(text: str, **more: Any) -> Annotation:
    return Annotation("p", "new_prompt", 0, text, SOURCE, **more)


def test_every_text_of_a_question_is_stripped() -> None:
    asked = {"question": " What?\n", "choices": ["a ", "\tb  c"], "answer": "a "}
    assert tidy(asked) == {"question": "What?", "choices": ["a", "b  c"], "answer": "a"}


def test_questions_inherit_what_the_prompt_has_and_nothing_else() -> None:
    (of_much,) = split(reply({"question": "q", "answer": "1"}), PROMPT, "harder", {}, 0)
    (of_little,) = split(reply({"question": "q"}), BARE, "easier", {}, 0)
    assert of_much.data == {"aim": "harder", "topic": "sums", "system": "Be kind."}
    assert (of_little.data, of_little.answer) == ({"aim": "easier"}, None)


def test_questions_say_what_they_were_made_from() -> None:
    failed = Subject("20+2=40", "attempt", 1, "student", False)
    (found,) = split(reply({"question": "q"}), BARE, "failures", {"subject": failed}, 0)
    assert found.subject == "20+2=40"
    assert found.data == {
        "aim": "failures",
        "subject": {"kind": "attempt", "sample": 1, "author": "student", "correct": False},
    }
    (joined,) = split(reply({"question": "q"}), BARE, "skills", {"skills": ["adding", "halving"]}, 0)
    assert (joined.subject, joined.data) == (None, {"aim": "skills", "skills": ["adding", "halving"]})


def test_options_are_those_of_the_question_that_has_them() -> None:
    first, second = split(reply({"question": "a", "choices": ["1", "2"]}, {"question": "b"}), BARE, "similar", {}, 0)
    assert first.data == {"aim": "similar", "choices": ["1", "2"]}
    assert second.data == {"aim": "similar"}


@given(st.integers(1, 6), st.integers(0, 50), st.sampled_from([None, 0.0, 0.25]), st.booleans())
def test_a_reply_is_counted_once_however_many_questions_it_holds(
    count: int, first: int, dollars: float | None, saw: bool
) -> None:
    spent = replace(SOURCE, cost_dollars=dollars)
    whole = replace(reply(*({"question": f"q{k}"} for k in range(count)), saw_reference=saw), provenance=spent)
    found = split(whole, PROMPT, "harder", {}, first)
    assert [(one.sample, one.text, one.saw_reference) for one in found] == [
        (first + k, f"q{k}", saw) for k in range(count)
    ]
    sources = [one.provenance for one in found]
    assert sources[0] == spent
    assert [(s.input_tokens, s.output_tokens, s.request_key) for s in sources[1:]] == [(0, 0, "key")] * (count - 1)
    assert {s.cost_dollars for s in sources[1:]} <= {None if dollars is None else 0.0}  # not known stays not known


def test_a_reply_that_cannot_be_read_stays_one_and_keeps_what_it_cost() -> None:
    failed = Subject("20+2=40", "attempt", 0, "student")
    broken = replace(reply(problem="cut off"), data={}, text="{...")
    (found,) = split(broken, PROMPT, "failures", {"subject": failed}, 7)
    assert (found.sample, found.text, found.problem, found.provenance) == (7, "{...", "cut off", SOURCE)
    assert (found.subject, found.data["aim"], found.data["topic"]) == ("20+2=40", "failures", "sums")


def test_a_question_has_as_many_words_numbers_and_symbols_as_are_wanted_or_a_problem() -> None:
    known = NearDuplicates()
    assert checked(question("12+34=?"), known, 5).problem is None
    short = checked(question("12+34"), known, 5)
    assert short.problem == "too short: 3 words, numbers and symbols of at least 5"
    assert checked(question("12+34"), known, 3).problem is None  # one that was refused is not remembered


def test_a_repetition_says_what_it_repeats_and_does_not_count_as_another() -> None:
    known = NearDuplicates()
    long = "How many apples has Tom " + "and Ann and Bob " * 6 + "now?"
    assert checked(question(long), known, 1).problem is None
    assert checked(question(long.upper()), known, 1).problem == f"nearly repeats {long[:80]!r}"
    assert [text for text, _ in known.texts] == [long]


def test_what_cannot_be_read_is_neither_judged_nor_remembered() -> None:
    known = NearDuplicates()
    broken = question("What is 5+6?", problem="cut off")
    assert checked(broken, known, 99) is broken
    assert checked(question("What is 5+6?"), known, 1).problem is None


@given(st.lists(st.text("ab1 +?", max_size=8), max_size=8), st.integers(0, 4))
def test_no_two_questions_that_pass_nearly_repeat_each_other(texts: list[str], fewest: int) -> None:
    known = NearDuplicates()
    found = [checked(question(text), known, fewest) for text in texts]
    assert [one.text for one in found] == texts
    passed = [one.text for one in found if one.problem is None]
    assert all(len(tokens(text)) >= fewest for text in passed)
    for k, text in enumerate(passed):
        alone = NearDuplicates()
        alone.add(text)
        assert all(alone.nearest(later) is None for later in passed[k + 1 :])
    reasons = {f"nearly repeats {text!r}" for text in passed}
    for one in found:
        long = len(tokens(one.text)) >= fewest
        assert one.problem is None or (one.problem in reasons if long else one.problem.startswith("too short: "))
