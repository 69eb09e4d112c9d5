from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from lessons.errors import DataError
from lessons.graders import NumberGrader
from lessons.records import Annotation, Message, Prompt, Provenance
from lessons.tables import read_annotations, write_annotations, write_prompts
from teachers import AnnotatedPrompts, NewPromptsAnnotator, RationaleAnnotator, Request, ScriptedBackend, distill
from teachers.programs.addition import QUESTION, answer

SOURCE = Provenance("T", "m", "new_prompt/1@00", "key")


def maker(request: Request) -> str:
    """Makes two harder additions of each, one of them with a wrong answer; solves what it is asked."""
    if request.metadata["kind"] != "new_prompt":
        return answer(request)
    found = QUESTION.search(request.messages[-1].content)
    assert found is not None
    a, b = int(found[1]) * 10, int(found[2]) * 10
    asked = [(f"{a}+{b}=?", str(a + b)), (f"{a + 1}+{b}=?", str(a + b))]
    return json.dumps({"questions": [{"question": q, "answer": r} for q, r in asked]})


@pytest.fixture
def teacher() -> ScriptedBackend:
    module = type(sys)("teachers_question_maker")
    module.maker = maker  # type: ignore[attr-defined]
    sys.modules["teachers_question_maker"] = module
    return ScriptedBackend("teachers_question_maker:maker")


def test_new_questions_are_asked_in_the_next_run_and_wrong_references_are_found(
    tmp_path: Path, sums: Any, teacher: ScriptedBackend
) -> None:
    annotator = NewPromptsAnnotator(["harder"], count=2, temperature=0.0)
    made = tmp_path / "made.parquet"
    distill(sums(10), teacher, [annotator], None, tmp_path / "l", made)
    prompts = list(AnnotatedPrompts(str(made)).prompts())
    assert [p.id for p in prompts[:2]] == ["p100/harder-0", "p100/harder-1"]
    assert write_prompts(tmp_path / "prompts.parquet", prompts) == 20
    solved = tmp_path / "solved.parquet"
    distill(prompts, teacher, [RationaleAnnotator(samples=1, max_asks=1)], NumberGrader(), tmp_path / "l", solved)
    trusted = {a.prompt_id for a in read_annotations(solved) if a.trusted}
    assert trusted  # wrong references never agree with an answer reached without them
    assert trusted <= {p.id for p in prompts if p.id.endswith("-0")}


def question(text: str, sample: int = 0, kind: str = "new_prompt", **more: Any) -> Annotation:
    data = {"aim": "harder", "topic": "sums", **more.pop("data", {})}
    return Annotation("p", kind, sample, text, SOURCE, more.pop("answer", "4"), data=data, **more)


def read(tmp_path: Path, *annotations: Annotation, **settings: Any) -> list[Prompt]:
    path = tmp_path / "lessons.parquet"
    write_annotations(path, annotations)
    return list(AnnotatedPrompts(str(path), **settings).prompts())


def test_a_prompt_says_where_it_came_from(tmp_path: Path) -> None:
    data = {"system": "Be kind.", "choices": ["3", "4"], "skills": ["a", "b"]}
    (prompt,) = read(tmp_path, question("Which one is even?", 2, data=data))
    assert prompt == Prompt(
        "p/harder-2",
        (Message("system", "Be kind."), Message("user", "Which one is even?")),
        "4",
        ("3", "4"),
        "sums",
        metadata={
            "made_from": "p", "aim": "harder", "teacher": "T", "model": "m", "template": "new_prompt/1@00",
            "request_key": "key", "skills": ["a", "b"],
        },
    )  # fmt: skip


def test_what_is_unusable_or_repeats_is_left_out(tmp_path: Path) -> None:
    rows = [
        question("What is 1+3?", 0),
        question("What is 1+3 ?", 1),
        question("What is 2+3?", 2, problem="too short"),
        question("What is 2+2?", 3, answer=None),
        question("What is 5+3?", 4, kind="new_prompt.second"),
        question("What is 9-5?", 5, data={"aim": "easier"}),
    ]
    assert [p.question for p in read(tmp_path, *rows)] == ["What is 1+3?", "What is 9-5?"]
    assert [p.id for p in read(tmp_path, *rows, limit=1)] == ["p/harder-0"]
    assert [p.id for p in read(tmp_path, *rows, aims=["easier"])] == ["p/easier-5"]
    assert [p.id for p in read(tmp_path, *rows, kind="new_prompt.second")] == ["p/harder-4"]
    assert [p.reference for p in read(tmp_path, *rows, with_answer_only=False)] == ["4", None, "4"]


def test_a_file_without_new_questions_is_refused(tmp_path: Path) -> None:
    message = (
        r"No new prompt in .*: 1 annotations, 1 of the kind 'new_prompt' and the aims all, 1 of them with a problem"
    )
    with pytest.raises(DataError, match=message):
        read(tmp_path, question("What is 1+3?", problem="too short"))
    with pytest.raises(DataError, match=r"No file .*gone"):
        list(AnnotatedPrompts(str(tmp_path / "gone")).prompts())
