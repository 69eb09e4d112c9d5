from __future__ import annotations

from lessons.pairings import RightAgainstWrong
from lessons.records import Annotation, Grade, Lesson, Message, Prompt, Provenance
from students import CharacterTokenizer, Encoder, Example, Pairs, TwoTask, render_all
from students.renderings.pairs import shared_lines

ENCODER = Encoder(CharacterTokenizer().build())
RIGHT, WRONG = "Add them.\n3+4=7\nDone.", "Add them.\n3+4=8\nSo it is."


def lesson(*texts: tuple[str, bool], name: str = "p") -> Lesson:
    source = Provenance("t", "m", "x/1", "k")
    written = [
        Annotation(name, "rationale", k, text, source, grade=Grade(right, float(right), None, "exact/1"))
        for k, (text, right) in enumerate(texts)
    ]
    return Lesson(name, Prompt(name, (Message("user", "3+4?"),)), (), written)


def learnt(example: Example) -> str:
    kept = [i for i, weight in zip(example.input_ids, example.weights, strict=True) if weight]
    return str(ENCODER.tokenizer.decode(kept))


def test_each_pair_is_its_chosen_and_its_rejected_text() -> None:
    texts = (("a", True), ("b", True), ("x", False), ("y", False))
    found = Pairs(RightAgainstWrong(pairs_per_prompt=2)).render(lesson(*texts), ENCODER)
    assert [(example.part, learnt(example)) for example in found] == [
        ("chosen", "a<|end|>"),
        ("rejected", "x<|end|>"),
        ("chosen", "b<|end|>"),
        ("rejected", "y<|end|>"),
    ]
    assert [example.reward for example in found] == [1.0, 0.0, 1.0, 0.0]


def test_shared_lines_are_only_read_and_a_step_ends_without_an_end() -> None:
    made = lesson((RIGHT, True), (WRONG, False))

    def sides(**settings: object) -> list[str]:
        return [learnt(example) for example in Pairs(RightAgainstWrong(), **settings).render(made, ENCODER)]  # type: ignore[arg-type]

    assert sides() == [RIGHT + "<|end|>", WRONG + "<|end|>"]
    assert sides(shared="given") == ["\n3+4=7\nDone.<|end|>", "\n3+4=8\nSo it is.<|end|>"]
    assert sides(step=True) == ["\n3+4=7", "\n3+4=8"]
    whole = lesson(("Add.\n7", True), ("Add.\n8", False))
    assert [learnt(e) for e in Pairs(RightAgainstWrong(), step=True).render(whole, ENCODER)] == [
        "\n7<|end|>",
        "\n8<|end|>",
    ]


def test_a_text_that_goes_on_from_the_other_still_has_a_line_to_learn() -> None:
    assert shared_lines("a\nb", "a\nb\nc") == "a"
    assert shared_lines("a", "a\nb") == ""
    found = Pairs(RightAgainstWrong(), step=True).render(lesson(("a\nb", True), ("a", False)), ENCODER)
    assert [learnt(example) for example in found] == ["a", "a<|end|>"]


def test_prompts_without_a_pair_are_left_out_and_counted() -> None:
    lessons = [lesson((RIGHT, True), (WRONG, False)), lesson((RIGHT, True), name="q")]
    rendered = render_all(Pairs(RightAgainstWrong()), lessons, ENCODER)
    assert list(rendered.examples) == ["p"]
    assert rendered.left_out == {"q": "they have no pair for RightAgainstWrong"}


def test_the_question_may_be_put_as_another_rendering_does() -> None:
    found = Pairs(RightAgainstWrong(), rendering=TwoTask()).render(lesson((RIGHT, True), (WRONG, False)), ENCODER)
    assert "[predict] 3+4?" in ENCODER.tokenizer.decode(found[0].input_ids)
