from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

import teachers.annotators
from lessons.errors import ConfigError
from lessons.records import Message, Prompt
from teachers import ScriptedBackend
from teachers.annotators import Annotator, AnswerAnnotator, Asking, DifficultyAnnotator, RationaleAnnotator
from teachers.backend import Completion, Request, Sampling
from teachers.calls.caller import Reply
from tutelage.settings import settings_of

PROMPT = Prompt("p", (Message("user", "2+2?"),), reference="4")
ANNOTATORS = [name for name in teachers.annotators.__all__ if name.endswith("Annotator") and name != "Annotator"]
STUDENT = ScriptedBackend("teachers.programs.addition:answer")
NEEDED: dict[str, dict[str, Any]] = {
    "CandidateChoiceAnnotator": {"student": STUDENT},
    "DialogueAnnotator": {"student": STUDENT},
    "NewPromptsAnnotator": {"aims": ["harder"]},
    "PrinciplesAnnotator": {"attempts": "attempts.parquet", "prompts": "prompts.parquet"},
}
"""Arguments without which an annotator cannot be built."""


def replies(*texts: str) -> tuple[Asking, list[Request]]:
    """Return an asking that gives these replies in turn, and the list of the requests it gets."""
    seen: list[Request] = []

    async def ask(request: Request) -> Reply:
        seen.append(request)
        return Reply(Completion(texts[len(seen) - 1], "stop", 10, 5, "m"), f"key{len(seen)}", 0.25, False)

    return Asking(PROMPT, ask, "T", "m", None, []), seen


@pytest.mark.parametrize("name", ANNOTATORS)
def test_an_annotator_built_in_python_can_be_written_into_a_config(name: str) -> None:
    annotator = getattr(teachers.annotators, name)(**NEEDED.get(name, {}))
    written: Any = settings_of(annotator)
    assert written["class_path"] in (f"teachers.{name}", f"teachers.annotators.{name}")
    assert type(annotator)(**written["init_args"]).sampling == annotator.sampling


@pytest.mark.parametrize("name", ANNOTATORS)
def test_every_annotator_ships_a_versioned_template(name: str) -> None:
    annotator: Annotator = getattr(teachers.annotators, name)(**NEEDED.get(name, {}))
    assert annotator.wording.label.partition("@")[0].rpartition("/")[2].isdigit()


def test_the_sampling_arguments_make_the_sampling() -> None:
    annotator = DifficultyAnnotator(temperature=None, max_output_tokens=7, seed=3)
    assert annotator.sampling == Sampling(None, 1.0, 7, 3)


@pytest.mark.parametrize(
    "settings", [{"temperature": -0.1}, {"temperature": float("nan")}, {"max_output_tokens": 0}, {"top_p": 0.0}]
)
def test_what_no_teacher_could_draw_is_refused(settings: dict[str, Any]) -> None:
    annotator = AnswerAnnotator(**settings) if "top_p" not in settings else RationaleAnnotator(**settings)
    (name, value), *_ = settings.items()
    with pytest.raises(ConfigError, match=rf"Annotator got .*{name}={value}.*Correct the annotator's settings"):
        annotator.check(None)


def test_an_unreadable_reply_is_sent_back_once_with_the_reason_and_both_calls_are_counted() -> None:
    asking, seen = replies("Hard.", "Hard.\nDifficulty: 10")
    (found,) = asyncio.run(DifficultyAnnotator().annotate(asking))
    assert (found.value, found.problem) == (1.0, None)
    assert found.provenance.request_key == "key2"
    assert (found.provenance.input_tokens, found.provenance.output_tokens, found.provenance.cost_dollars) == (
        20,
        10,
        0.5,
    )
    assert seen[1].messages[:2] == (*seen[0].messages, Message("assistant", "Hard."))
    assert 'no line "Difficulty: ..."' in seen[1].messages[-1].content


def test_a_reply_that_stays_unreadable_is_kept_with_its_problem() -> None:
    asking, seen = replies("Hard.", "Still hard.", "never asked")
    (found,) = asyncio.run(DifficultyAnnotator().annotate(asking))
    assert (len(seen), found.text, found.problem) == (2, "Still hard.", 'no line "Difficulty: ..."')


def test_without_repairs_there_is_one_ask() -> None:
    asking, seen = replies("Hard.", "never asked")
    asyncio.run(DifficultyAnnotator(repairs=0).annotate(asking))
    assert len(seen) == 1
    assert DifficultyAnnotator(repairs=0).foresee(PROMPT)[1] == 1
    assert DifficultyAnnotator().foresee(PROMPT)[1] == 2


def test_the_example_of_an_estimate_is_no_smaller_than_a_repair() -> None:
    annotator = DifficultyAnnotator(max_output_tokens=50)
    asking, seen = replies("and " * 50, "Difficulty: 1")
    asyncio.run(annotator.annotate(asking))
    example = annotator.example(PROMPT)
    assert example is not None
    assert sum(len(m.content) for m in seen[1].messages) <= sum(len(m.content) for m in example.messages)


def test_more_than_one_repair_is_refused() -> None:
    with pytest.raises(ConfigError, match="repairs of DifficultyAnnotator is 2; it must be 0 or 1"):
        DifficultyAnnotator(repairs=2).check(None)


def test_samples_drawn_alike_share_a_call_and_keep_their_order() -> None:
    calls: list[list[int]] = []

    async def bundled(requests: Sequence[Request]) -> list[Reply]:
        calls.append([request.sample for request in requests])
        texts = [f"way {request.sample}\nAnswer: 4" for request in requests]
        return [Reply(Completion(text, "stop", 1, 1, "m"), text, 0.0, False) for text in texts]

    asking, _ = replies()
    found = asyncio.run(RationaleAnnotator(samples=4).annotate(asking._replace(bundled=bundled)))
    assert [a.text for a in found] == ["way 0", "way 1", "way 2", "way 3"]
    assert sorted(calls) == [[0], [1, 2, 3]]  # the first is drawn at temperature 0, the fresh ones at 0.8
