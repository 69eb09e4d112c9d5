from __future__ import annotations

from students import AnswerThenRationale, SystemErased, TwoTask
from students.renderings.wrapping import Wrapping, asked, filled
from tests.students.renderings.written import PROMPT, lesson


class Choosy(TwoTask):
    def left_out(self, lesson: object) -> str:
        return "it is too easy"


def test_what_is_not_changed_is_the_inner_renderings() -> None:
    class Nothing(Wrapping):
        def exercises(self, lesson: object) -> list[object]:  # type: ignore[override]
            return []

    inner = Choosy(0.25, predict_prefix="[p] ")
    rendering = Nothing(inner)
    assert rendering.parts == inner.parts
    assert rendering.left_out(lesson()) == "it is too easy"
    assert rendering.exam_messages(PROMPT)[-1].content == "[p] 2+2?"
    assert rendering.stop_text is None
    assert SystemErased(AnswerThenRationale()).stop_text == "\n\nBecause:"


def test_fields_are_filled_in_once() -> None:
    assert filled("{a} {b} {c}", {"a": "{b}", "b": "{a}"}) == "{b} {a} {c}"
    assert asked(PROMPT.messages, "{question}{x}", x="!")[-1].content == "2+2?!"
