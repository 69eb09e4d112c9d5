from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lessons.errors import DataError
from lessons.records import Annotation, Attempt, Message, Prompt, Provenance
from lessons.tables import write_attempts
from teachers.annotators import PairJudgeAnnotator, ParseProblem
from teachers.annotators.pair_judge import PositionBias, position_bias
from teachers.backend import Completion, Request

PROMPT = Prompt("p", (Message("user", "What is 2+2?"),), reference="4")
WORDS = """\
Compare two answers to a question.

Question:
What is 2+2?

Answer A:
four

Answer B:
five

Which answer is better: right first of all, then complete, then clear? The order in which they stand here and their \
length mean nothing. Write your reasons in a few sentences.

End with one last line of exactly one of these three forms (tie: they are equally good):
Better: A
Better: B
Better: tie"""


def completion(text: str) -> Completion:
    return Completion(text, "stop", 1, 1, "m")


def texts(*written: str, kind: str = "rationale") -> list[Annotation]:
    source = Provenance("T", "m", "x/1", "k")
    return [Annotation("p", kind, k, text, source) for k, text in enumerate(written)]


def judged(answering: Any, judge: Any, earlier: list[Annotation], **settings: Any) -> Annotation:
    asking, _ = answering(judge, prompt=PROMPT, earlier=earlier)
    (found,) = asyncio.run(PairJudgeAnnotator(**settings).annotate(asking))
    assert isinstance(found, Annotation)
    return found


def likes_four(request: Request) -> str:
    shown = request.messages[-1].content
    return f"Four is right.\nBetter: {'A' if shown.index('four') < shown.index('five') else 'B'}"


def test_the_shipped_template_in_full() -> None:
    assert PairJudgeAnnotator().requests(PROMPT, "four", "five")[0].messages == (Message("user", WORDS),)


def test_a_verdict_that_both_orders_give_counts(answering: Any) -> None:
    for earlier, verdict, value in [(texts("four", "five"), "first", 1.0), (texts("five", "four"), "second", 0.0)]:
        found = judged(answering, likes_four, earlier)
        assert (found.answer, found.value, found.problem) == (verdict, value, None)
        assert (found.data["orders"], found.data["consistent"]) == ([verdict, verdict], True)
        assert found.data["texts"] == [a.text for a in earlier]
        assert (found.provenance.input_tokens, found.provenance.cost_dollars) == (20, 0.5)


def test_a_judge_that_prefers_a_place_gives_a_tie(answering: Any) -> None:
    found = judged(answering, lambda request: "Better: A", texts("four", "five"))
    assert (found.answer, found.value) == ("tie", 0.5)
    assert (found.data["orders"], found.data["consistent"]) == (["first", "second"], False)


def test_two_kinds_are_compared_and_equal_texts_never(answering: Any) -> None:
    earlier = [*texts("four"), *texts("four", "five", kind="revision")]
    found = judged(answering, likes_four, earlier, first="rationale", second="revision")
    assert [(s["kind"], s["sample"]) for s in found.data["subjects"]] == [("rationale", 0), ("revision", 1)]
    asking, seen = answering(likes_four, earlier=texts("four"))
    assert asyncio.run(PairJudgeAnnotator().annotate(asking)) == [] == seen


def test_two_files_of_attempts_are_compared(tmp_path: Path, answering: Any) -> None:
    paths = [str(tmp_path / f"{name}.parquet") for name in ("before", "after")]
    for path, text in zip(paths, ("five", "four"), strict=True):
        write_attempts(path, [Attempt("p", path[-10:-8], text)])
    found = judged(answering, likes_four, [], first=paths[0], second=paths[1])
    assert found.answer == "second"
    annotator = PairJudgeAnnotator(paths[0], paths[1])
    sure, most = annotator.foresee(PROMPT)
    assert (len(sure), most) == (2, 4)
    assert annotator.foresee(Prompt("other", PROMPT.messages)) == ([], 0)
    with pytest.raises(DataError, match=r"No file .*gone\.parquet"):
        PairJudgeAnnotator(first=str(tmp_path / "gone.parquet")).check(None)


def test_an_unreadable_order_is_a_problem_of_the_pair(answering: Any) -> None:
    found = judged(answering, lambda request: "Hm.", texts("four", "five"), repairs=0)
    assert found.problem == 'order 1: no line "Better: ..."; order 2: no line "Better: ..."'
    assert (found.answer, found.value, "orders" in found.data) == (None, None, False)


@given(st.text() | st.text(alphabet="Better: ABtie*.\n"))
def test_nothing_but_the_documented_error_is_raised(text: str) -> None:
    try:
        fields = PairJudgeAnnotator().parse(completion(text), PROMPT)
    except ParseProblem:
        return
    assert fields.answer in ("A", "B", "tie")


def test_the_bias_of_a_judge_is_counted(answering: Any) -> None:
    honest = judged(answering, likes_four, texts("four", "five"))
    biased = judged(answering, lambda request: "Better: A", texts("four", "five"))
    unreadable = judged(answering, lambda request: "?", texts("four", "five"))
    assert position_bias([honest, biased, unreadable]) == PositionBias(2, 1, shown_first_won=3, shown_second_won=1)


def test_texts_not_written_yet_are_foreseen_at_a_typical_length() -> None:
    assert PairJudgeAnnotator().foresee(PROMPT) == ([], 4)
    example = PairJudgeAnnotator(repairs=0).example(PROMPT)
    assert example is not None
    assert example.messages[0].content.count("one step after another") == 100
