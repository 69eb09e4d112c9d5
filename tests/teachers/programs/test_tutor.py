from __future__ import annotations

import re

import pytest

import teachers
from lessons import NumberGrader, Prompt
from lessons.records import Message
from teachers.backend import Request, Sampling
from teachers.programs.tutor import WRITERS, answer, pupil

PROMPT = Prompt("p", (Message("user", "47+85=?"),), reference="132")
QUESTION = "47+85=?"
RIGHT, WRONG = "1. 47+80=127\n2. 127+5=132\n3. Answer: 132", "1. 47+80=127\n2. 127+5=133\n3. Answer: 133"


def ask(kind: str, text: str, sample: int = 0) -> str:
    return str(answer(Request((Message("user", text),), Sampling(), sample, metadata={"kind": kind, "prompt": PROMPT})))


@pytest.mark.parametrize(("work", "verdict"), [(RIGHT, "correct"), (WRONG, "incorrect")])
def test_it_judges_by_the_steps(work: str, verdict: str) -> None:
    text = f"{QUESTION}\n{work}"
    assert ask("critique", text).endswith(f"\nVerdict: {verdict}")
    assert ask("feedback_prediction", text).endswith(f"\nVerdict: {verdict}")
    assert ask("step_verdicts", text).split("\n")[1] == f"Step 2: {verdict}"
    assert ask("judgement", text).endswith("Score: 10" if verdict == "correct" else "Score: 2")


def test_a_critique_names_the_first_wrong_step_and_keeps_a_told_answer_to_itself() -> None:
    said = ask("critique", f"{QUESTION}\n{WRONG}")
    assert "First wrong step: 2\nCorrected answer: 132\n" in said
    assert "132" not in ask("critique", f"{QUESTION}\n{WRONG}\nThe right answer is 132.")


@pytest.mark.parametrize(
    ("first", "second", "better"), [(RIGHT, WRONG, "A"), (WRONG, RIGHT, "B"), (RIGHT, RIGHT, "tie")]
)
def test_it_prefers_what_is_right_in_either_order(first: str, second: str, better: str) -> None:
    said = ask("preference", f"{QUESTION}\nAnswer A:\n{first}\n\nAnswer B:\n{second}")
    assert said.endswith(f"Better: {better}")


def test_it_knows_the_kinds_that_annotators_ask_for() -> None:
    kinds = {getattr(teachers, name).kind for name in teachers.__all__ if re.fullmatch(r"\w+Annotator", name)}
    assert set(WRITERS) <= kinds


def test_a_pupil_is_often_wrong_and_likes_examples() -> None:
    tried = [pupil(Request((Message("user", QUESTION),), Sampling(), sample)) for sample in range(60)]
    right = sum(NumberGrader().grade(str(text), PROMPT).correct for text in tried)
    assert 15 < right < 45
    bare = Request((Message("user", QUESTION),), continuation=" 132")
    shown = Request((Message("user", f"1+2=?\n1+2=3\n{QUESTION}"),), continuation=" 132")
    assert float(pupil(bare)) < float(pupil(shown)) < 0
