from __future__ import annotations

import torch

from students import Generation, Student, answer
from students.ends import Ends
from tests.students.conftest import ask


def test_an_answer_is_over_at_an_end_token_or_once_it_holds_the_text(ascii_student: Student) -> None:
    def ids(text: str) -> list[int]:
        return ascii_student.tokenizer(text, add_special_tokens=False)["input_ids"]

    ends = Ends(ascii_student, "ab c")
    rows = torch.arange(3)
    texts = ["xab cd", "ab_c a", "ab c  "]
    over = [ends.reached(rows, torch.tensor(step)).tolist() for step in zip(*map(ids, texts), strict=True)]
    assert [step.index(True) if True in step else None for step in zip(*over, strict=True)] == [4, None, 3]
    stop = torch.tensor(ascii_student.encoder.stop_ids[:1])
    assert ends.reached(rows[:1], stop).tolist() == [True]
    assert Ends(ascii_student).reached(rows, torch.tensor([stop.item(), *ids("ab")])).tolist() == [True, False, False]


def test_answers_stop_each_at_its_own_place(ascii_student: Student) -> None:
    questions = [ask(f"{k}?") for k in range(6)]
    loud = Generation(max_new_tokens=40, temperature=3.0)
    whole = answer(ascii_student, questions, loud)
    cut = answer(ascii_student, questions, loud, stop_text="e")
    assert any("e" in found.text for found in whole)
    for before, after in zip(whole, cut, strict=True):
        head, mark, _ = before.text.partition("e")
        assert after.text == head + mark
        assert after.truncated == (bool(mark) or before.truncated)
