from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lessons.errors import ConfigError, DataError
from lessons.graders import NumberGrader
from lessons.records import Attempt, Message, Prompt
from lessons.tables import read_annotations, write_attempts, write_prompts
from teachers import ScriptedBackend, distill
from teachers.annotators import ParseProblem, PrinciplesAnnotator
from teachers.annotators.principles import read_principles

TOPICS = ["sums", "sums", "sums", "products", "sums"]
PROMPTS = [Prompt(f"p{k}", (Message("user", f"Case {k}?"),), reference=f"{k}50", topic=t) for k, t in enumerate(TOPICS)]
WRONG = {"p0", "p1", "p4"}
REPLY = """\
They all forget the carry.
Principle: Carry before you go on.
Errors: 1, 3
**Principle:** Check the last digit first.
Errors: 3."""


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    attempts, prompts = tmp_path / "attempts.parquet", tmp_path / "prompts.parquet"
    texts = {p.id: f"Answer: {99 if p.id in WRONG else p.reference}" for p in PROMPTS}
    write_attempts(
        attempts, [Attempt(p.id, "s", texts[p.id], grade=NumberGrader().grade(texts[p.id], p)) for p in PROMPTS]
    )
    write_prompts(prompts, PROMPTS)
    return {"attempts": str(attempts), "prompts": str(prompts)}


def test_a_topic_gets_the_principles_of_its_errors(files: dict[str, str], answering: Any) -> None:
    asking, seen = answering([REPLY], PROMPTS[2])
    (found,) = asyncio.run(PrinciplesAnnotator(**files).annotate(asking))
    asked = seen[0].messages[-1].content
    assert 'A student made these errors in the topic "sums".' in asked
    assert "Error 3\nQuestion: Case 4?\nThe student wrote: Answer: 99\nRight answer: 450" in asked
    assert found.text == "1. Carry before you go on.\n2. Check the last digit first."
    assert found.saw_reference
    assert found.data == {
        "topic": "sums",
        "principles": [
            {"text": "Carry before you go on.", "errors": ["p0", "p4"]},
            {"text": "Check the last digit first.", "errors": ["p4"]},
        ],
        "examples": [{"prompt_id": "p4", "violations": 2}, {"prompt_id": "p0", "violations": 1}],
    }


def test_prompts_of_a_topic_share_one_call_and_topics_without_errors_have_none(
    files: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "principles_program.py").write_text(f"REPLY = {REPLY!r}\n\ndef answer(request):\n    return REPLY\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    teacher = ScriptedBackend("principles_program:answer")
    annotator = PrinciplesAnnotator(**files)
    summary = distill(
        PROMPTS, teacher, [annotator], None, tmp_path / "ledger.sqlite", tmp_path / "out.parquet", progress=False
    )
    found = list(read_annotations(tmp_path / "out.parquet"))
    assert [annotation.prompt_id for annotation in found] == ["p0", "p1", "p2", "p4"]
    assert len({annotation.provenance.request_key for annotation in found}) == 1
    assert summary.calls == 1
    assert annotator.foresee(PROMPTS[3]) == ([], 0)
    assert annotator.foresee(PROMPTS[0])[1] == 2


def test_principles_that_hold_an_answer_shown_are_not_for_that_prompt(files: dict[str, str], answering: Any) -> None:
    reply = "Principle: Totals near 450 need care.\nErrors: all"
    problems = []
    for prompt in (PROMPTS[4], PROMPTS[2]):
        (found,) = asyncio.run(PrinciplesAnnotator(**files).annotate(answering([reply], prompt)[0]))
        problems.append(found.problem)
    assert problems == ["gives the answer away: it says '1. Totals near 450 need care.'", None]


def test_errors_are_spread_evenly_and_references_can_be_hidden(files: dict[str, str], answering: Any) -> None:
    asking, seen = answering(["Principle: x.\nErrors: 2"], PROMPTS[2])
    annotator = PrinciplesAnnotator(**files, max_errors=2, show_reference=False)
    (found,) = asyncio.run(annotator.annotate(asking))
    assert "Right answer" not in seen[0].messages[-1].content
    assert "Case 4" not in seen[0].messages[-1].content
    assert not found.saw_reference


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Be careful.", "0 principles where there must be 1 to 2"),
        ("Principle: a", 'no line "Errors: ..." after the principle'),
        ("Principle: a\nPrinciple: b\nErrors: 1", 'no line "Errors: ..." after the principle'),
        ("Principle:\nErrors: 1", 'nothing follows "Principle:"'),
        ("Principle: a\nErrors: 4", "the errors '4' are not numbers from 1 to 3"),
        ("Principle: a\nErrors: some", "the errors 'some' are not"),
        ("Principle: a\nErrors: 1\n" * 3, "3 principles where there must be 1 to 2"),
    ],
)
def test_other_replies_are_problems(text: str, message: str) -> None:
    with pytest.raises(ParseProblem, match=message):
        read_principles(text, 3, 2)


PIECES = ["Principle: ", "Errors: ", "1", ", ", "\n", "all", "x", "**"]


@given(st.text() | st.lists(st.sampled_from(PIECES)).map("".join))
def test_nothing_but_the_documented_error_is_raised(text: str) -> None:
    try:
        found = read_principles(text, 3, 5)
    except ParseProblem:
        return
    assert all(words and set(numbers) <= {1, 2, 3} for words, numbers in found)


def test_attempts_without_grades_tell_nothing(files: dict[str, str]) -> None:
    write_attempts(files["attempts"], [Attempt("p0", "s", "x")])
    with pytest.raises(DataError, match=r"the attempt at the prompt 'p0' has no grade \(got None\).*exam"):
        PrinciplesAnnotator(**files).check(None)


def test_no_errors_and_no_principles_are_refused(files: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match=r"max_errors is 0 and max_principles is 5; both must be 1 or more"):
        PrinciplesAnnotator(**files, max_errors=0).check(None)
