from __future__ import annotations

from lessons.records import Annotation, Grade, Lesson, Message, Prompt, Provenance
from students import CharacterTokenizer, Contrasts, Encoder, Example, render_all

ENCODER = Encoder(CharacterTokenizer().build())


def lesson(name: str, **texts: bool | float) -> Lesson:
    source = Provenance("t", "m", "x/1", "k")
    written = []
    for k, (text, mark) in enumerate(texts.items()):
        if isinstance(mark, bool):
            grade = Grade(mark, float(mark), None, "exact/1")
            written.append(Annotation(name, "rationale", k, text, source, grade=grade))
        else:
            written.append(Annotation(name, "rationale", k, text, source))
            written.append(Annotation(name, "judgement", k, "hm", source, subject=text, value=mark))
    return Lesson(name, Prompt(name, (Message("user", f"{name}?"),)), (), written)


def shown(examples: list[Example]) -> list[tuple[str, str, float | None]]:
    words = [str(ENCODER.tokenizer.decode(e.input_ids, skip_special_tokens=True)) for e in examples]
    return [(e.part, text, e.reward) for e, text in zip(examples, words, strict=True)]


def test_every_text_comes_once_on_its_side_with_its_score() -> None:
    found = Contrasts().render(lesson("p", x=False, a=True, b=True), ENCODER)
    assert shown(found) == [("chosen", "p?a", 1.0), ("chosen", "p?b", 1.0), ("rejected", "p?x", 0.0)]
    judged = Contrasts(scored_by="judgement", good_from=0.5, texts_per_side=1)
    found = judged.render(lesson("p", x=0.25, a=0.5, b=0.75), ENCODER)
    assert shown(found) == [("chosen", "p?a", 0.5), ("rejected", "p?x", 0.25)]


def test_prompts_that_have_nothing_to_show_are_left_out() -> None:
    lessons = [lesson("p", a=True), lesson("q", a=True, x=False), lesson("r")]
    kept = render_all(Contrasts(), lessons, ENCODER)
    assert (list(kept.examples), kept.left_out) == (["p", "q"], {"r": "they have no rationale with a score"})
    kept = render_all(Contrasts(both_sides=True), lessons, ENCODER)
    assert list(kept.examples) == ["q"]
    assert kept.left_out["p"] == "every rationale of theirs is good"


def test_a_mismatched_text_answers_the_next_question() -> None:
    rendering = Contrasts(mismatched=True)
    lessons = [lesson("p", a=True, x=False), lesson("q", y=False), lesson("r", b=True)]
    found = render_all(rendering, lessons, ENCODER).examples
    assert [shown(examples)[-1] for examples in found.values()] == [
        ("mismatched", "p?y", None),
        ("mismatched", "q?b", None),
        ("mismatched", "r?a", None),
    ]
    assert rendering.parts == {"chosen": 1.0, "rejected": 0.0, "mismatched": 0.0}
    alone = render_all(rendering, lessons[:1], ENCODER).examples["p"]
    assert [example.part for example in alone] == ["chosen", "rejected"]
