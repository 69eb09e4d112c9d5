from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lessons.errors import ConfigError
from lessons.graders import NumberGrader
from lessons.records import Annotation, Message, Prompt, Provenance
from teachers.annotators import ExplanationAnnotator, ParseProblem
from teachers.backend import Completion

PROMPT = Prompt("p", (Message("system", "Be kind."), Message("user", "2+2?")), reference="4")
MINE = "name: mine/1\n[short]\nBe short.\n[long]\nBe long.\n"


def completion(text: str) -> Completion:
    return Completion(text, "stop", 1, 1, "m")


def prompt(k: int, topic: str | None = None) -> Prompt:
    return Prompt(f"p{k}", (Message("user", f"{k}+{k}?"),), reference=str(2 * k), topic=topic)


def test_the_instruction_is_the_system_message_and_the_prompt_s_own_stays() -> None:
    annotator = ExplanationAnnotator()
    system, user = annotator.instruction_request(PROMPT, "young_child", 0).messages
    assert system.content == annotator.catalogue.entries["young_child"] + "\n\nBe kind."
    assert user.content.startswith("2+2?")
    assert "right answer" not in user.content
    shown = ExplanationAnnotator(show_reference=True).instruction_request(PROMPT, "plain", 0).messages[-1].content
    assert "The right answer is 4." in shown


def test_instructions_are_dealt_out_evenly_and_always_the_same_way() -> None:
    annotator = ExplanationAnnotator()
    dealt = [annotator.chosen(prompt(k))[0] for k in range(1600)]
    assert dealt == [ExplanationAnnotator().chosen(prompt(k))[0] for k in range(1600)]
    counts = Counter(dealt)
    assert len(counts) == 16
    assert all(50 < count < 170 for count in counts.values())  # 100 each on average: five standard deviations
    other = [ExplanationAnnotator(choice_seed=1).chosen(prompt(k))[0] for k in range(1600)]
    assert sum(a == b for a, b in zip(dealt, other, strict=True)) < 200


def test_a_topic_or_a_task_type_can_decide() -> None:
    topical = ExplanationAnnotator(by="topic")
    assert topical.chosen(prompt(1, "sums")) == topical.chosen(prompt(2, "sums"))
    typed = ExplanationAnnotator(by="task_type", samples=16)
    source = Provenance("t", "m", "task_type/1", "k")
    kinds = [Annotation("p", "task_type", 0, "", source, answer=answer) for answer in ("code", "advice")]
    assert typed.chosen(prompt(1), kinds[:1]) == typed.chosen(prompt(2), kinds[:1])
    assert typed.chosen(prompt(1), kinds[:1]) != typed.chosen(prompt(1), kinds[1:])
    assert typed.foresee(prompt(1)) == ([], 32)


def test_each_sample_has_another_instruction_which_is_named(tmp_path: Path, answering: Any) -> None:
    path = tmp_path / "mine.txt"
    path.write_text(MINE)
    annotator = ExplanationAnnotator(instructions=str(path), samples=2)
    annotator.check(None)
    asking, _ = answering(["a\nAnswer: 4", "b\nAnswer: 5"], PROMPT, grader=NumberGrader())
    found = asyncio.run(annotator.annotate(asking))
    assert {a.data["instruction"] for a in found} == {"short", "long"}
    assert all(a.data["catalogue"].startswith("mine/1@") for a in found)
    assert [a.trusted for a in found] == [True, False]
    with pytest.raises(ConfigError, match=r"samples of ExplanationAnnotator is 3, and the catalogue mine/1@\w+ has 2"):
        ExplanationAnnotator(instructions=str(path), samples=3).check(None)


@pytest.mark.parametrize(("text", "reason"), [("It is 4.", 'no line "Answer'), ("Answer: 4", "no explanation")])
def test_other_forms_are_problems_with_a_reason(text: str, reason: str) -> None:
    with pytest.raises(ParseProblem, match=reason):
        ExplanationAnnotator().parse(completion(text), PROMPT)


@given(st.text() | st.text("x Answer: 4\n*"))
def test_nothing_but_the_documented_error_is_raised(text: str) -> None:
    try:
        fields = ExplanationAnnotator().parse(completion(text), PROMPT)
    except ParseProblem:
        return
    assert fields.answer
    assert fields.text


def test_an_estimate_counts_the_longest_instruction() -> None:
    annotator = ExplanationAnnotator(repairs=0)
    example = annotator.example(PROMPT)
    longest = max(map(len, annotator.catalogue.entries.values()))
    assert len(example.messages[0].content) == longest + len("\n\nBe kind.")
