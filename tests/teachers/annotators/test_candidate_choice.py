from __future__ import annotations

import asyncio
import math
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lessons.errors import ConfigError, DataError
from lessons.graders import NumberGrader
from lessons.records import Annotation, Grade, Message, Prompt, Provenance
from lessons.tables import read_annotations, write_prompts
from teachers import OpenAIBackend, RationaleAnnotator, Request, ScriptedBackend, TransformersBackend, distill
from teachers.annotators import CandidateChoiceAnnotator, ParseProblem
from teachers.annotators.candidate_choice import FirstPrompts
from teachers.backend import Completion, TokenLogprob
from teachers.estimate import estimate

PROMPT = Prompt("p", (Message("user", "What is 2+2?"),), reference="4")
PROBES = [Prompt(f"q{k}", (Message("user", f"What is {k}+1?"),), reference=str(k + 1)) for k in range(3)]
STUDENT = ScriptedBackend("student:f")
WRITER = Provenance("T", "writer", "rationale/1", "k", 100, 50, 1.0, "stop")
ENDING = "End with one last line of exactly this form, giving only the final answer:\nAnswer: <final answer>"
WORDS = f"""\
Here is a question with its solution:

What is 2+2?

count on
Answer: 4

In the same way, answer this question:

What is 1+1?

{ENDING}"""


def candidates(*texts: str) -> list[Annotation]:
    return [Annotation("p", "rationale", k, text, WRITER, "4") for k, text in enumerate(texts)]


def scored(request: Request) -> Completion:
    """Likes examples that count; half of them more each probe than none."""
    shown = request.messages[-1].content
    value = -1.0 if "count" in shown else -4.0 if "guess" in shown else -2.0
    tokens = (
        TokenLogprob("Answer", -9.0),
        TokenLogprob(":", -value),
        TokenLogprob(" 4", value),
        TokenLogprob("2", -0.5),
    )
    return Completion(str(request.continuation), "stop", 7, 0, "s", logprobs=tokens)


def ranked(answering: Any, tmp_path: Path, earlier: list[Annotation], student: Any = scored) -> list[Annotation]:
    path = tmp_path / "probes.parquet"
    write_prompts(path, [PROMPT, Prompt("x", PROMPT.messages), *PROBES])
    asking, seen = answering([], prompt=PROMPT, earlier=earlier, others=student)
    found = asyncio.run(CandidateChoiceAnnotator(STUDENT, probes=str(path), probe_count=2).annotate(asking))
    assert all(request.continuation for request in seen)
    return found


def test_the_shipped_template_in_full() -> None:
    annotator = CandidateChoiceAnnotator(STUDENT)
    with_example = annotator.score_request(PROBES[1], ("What is 2+2?", "count on\nAnswer: 4"))
    assert with_example.messages == (Message("user", WORDS),)
    assert with_example.continuation == "Answer: 2"
    (message,) = annotator.score_request(PROBES[1], None).messages
    assert message.content == f"Answer this question:\n\nWhat is 1+1?\n\n{ENDING}"


def test_candidates_are_ranked_by_their_gain(answering: Any, tmp_path: Path) -> None:
    found = ranked(answering, tmp_path, candidates("guess", "count on", "think"))
    assert [(a.text, a.sample, a.value) for a in found] == [("count on", 0, 1.0), ("think", 1, 0.0), ("guess", 2, -2.0)]
    assert [a.data["chosen"] for a in found] == [True, False, False]
    best = found[0]
    assert (best.answer, best.data["of"], best.data["of_sample"]) == ("4", "rationale", 1)
    assert (best.data["gains"], best.data["probes"], best.data["student"]) == ([1.0, 1.0], ["q0", "q1"], "s")
    assert (best.provenance.model, best.provenance.teacher) == ("writer", "T")
    assert (best.provenance.input_tokens, best.provenance.cost_dollars) == (14, 0.5)
    assert best.provenance.template.startswith("candidate_choice/1@")


def test_equal_gains_keep_the_order_and_texts_count_once(answering: Any, tmp_path: Path) -> None:
    found = ranked(answering, tmp_path, candidates("think", "muse", "think"))
    assert [(a.text, a.data["of_sample"]) for a in found] == [("think", 0), ("muse", 1)]


def test_wrong_candidates_are_left_out(answering: Any, tmp_path: Path) -> None:
    wrong = replace(candidates("count on")[0], grade=Grade(False, 0.0, "4", "number/1", "wrong"))
    assert ranked(answering, tmp_path, [wrong]) == []
    assert ranked(answering, tmp_path, [replace(wrong, problem="cut off", grade=None)]) == []
    assert len(CandidateChoiceAnnotator(STUDENT, trusted_only=False).candidates([wrong])) == 1


def test_what_cannot_be_scored_is_never_chosen(answering: Any, tmp_path: Path) -> None:
    def silent(request: Request) -> Completion:
        found = scored(request)
        return found._replace(logprobs=None) if "count" in request.messages[-1].content else found

    found = ranked(answering, tmp_path, candidates("count on", "think"), silent)
    assert [(a.text, a.data["chosen"]) for a in found] == [("think", True), ("count on", False)]
    assert (found[1].problem, found[1].value) == ("the student gave no log-probabilities of the answer", None)


def test_the_probes_are_the_first_of_the_run_without_the_prompt_itself() -> None:
    roll = FirstPrompts(3)
    for prompt in (Prompt("x", PROMPT.messages), PROBES[0], PROMPT, PROBES[1], PROBES[2]):
        roll.enroll(prompt)
    annotator = CandidateChoiceAnnotator(STUDENT, probe_count=2)
    assert [p.id for p in annotator.probes_for(PROMPT, roll)] == ["q0", "q1"]
    assert [p.id for p in annotator.probes_for(PROBES[2], roll)] == ["q0", "p"]
    with pytest.raises(DataError, match="No probe for the candidates of 'p': none of the first prompts"):
        annotator.probes_for(PROMPT, FirstPrompts(3))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"student": OpenAIBackend("m")}, "needs a student that scores given texts; OpenAIBackend gives only .*text"),
        ({"student": STUDENT, "probe_count": 0}, "probe_count=0 and 0 prompts with a reference"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        CandidateChoiceAnnotator(**settings).check(None)


@given(st.text(), st.lists(st.tuples(st.text(max_size=9), st.floats()), max_size=4))
def test_nothing_but_the_documented_error_is_raised(text: str, scored_tokens: list[tuple[str, float]]) -> None:
    tokens = tuple(TokenLogprob(token, value) for token, value in scored_tokens)
    completion = Completion(text, "stop", 1, 1, "m", logprobs=tokens)
    try:
        fields = CandidateChoiceAnnotator(STUDENT).parse(completion, PROMPT)
    except ParseProblem:
        return
    assert fields.value is not None
    assert math.isfinite(fields.value)


def test_only_the_tokens_after_the_marker_count() -> None:
    tokens = [("Ans", -1.0), ("wer", -2.0), (":", -4.0), (" 1", -8.0), ("2", -16.0)]
    completion = Completion("Answer: 12", "stop", 1, 0, "m", logprobs=tuple(TokenLogprob(*one) for one in tokens))
    assert CandidateChoiceAnnotator(STUDENT).parse(completion, PROMPT).value == -24.0
    joined = [TokenLogprob("Answer: ", -3.0), TokenLogprob("12", -0.5)]  # a token across the marker's end counts
    completion = Completion("Answer: 12", "stop", 1, 0, "m", logprobs=tuple(joined))
    assert CandidateChoiceAnnotator(STUDENT).parse(completion, PROMPT).value == -3.5


def steps_help(request: Request) -> float:
    """Finds an answer likelier the longer the solution in its example is."""
    return -10.0 + len(request.messages[-1].content) / 100


def test_a_whole_run_chooses_among_the_teachers_samples(tmp_path: Path, sums: Any) -> None:
    module = type(sys)("teachers_scoring_student")
    module.steps_help = steps_help  # type: ignore[attr-defined]
    sys.modules["teachers_scoring_student"] = module
    student = ScriptedBackend("teachers_scoring_student:steps_help")
    annotators = [
        RationaleAnnotator(samples=2, max_asks=4),
        CandidateChoiceAnnotator(student, probe_count=3, trusted_only=False),
    ]
    teacher = ScriptedBackend("teachers.programs.addition:answer")
    summary = distill(sums(50), teacher, annotators, NumberGrader(), tmp_path / "l", tmp_path / "o")
    found = list(read_annotations(tmp_path / "o"))
    choices = [a for a in found if a.kind == "candidate_choice"]
    assert {a.prompt_id for a in choices} == {p.id for p in sums(50)}
    assert all(a.data["chosen"] == (a.sample == 0) for a in choices)
    assert all(a.data["probes"] == ["p100", "p101", "p102"] for a in choices if a.prompt_id > "p103")
    assert summary.calls == len([a for a in found if a.kind == "rationale"]) + 3 * len(choices) + 4
    foreseen = estimate(sums(50), teacher, annotators, NumberGrader(), tmp_path / "no ledger")
    assert (foreseen.calls, foreseen.calls_at_most) == (100, 50 * (4 + 3 * (4 + 1)))
    assert summary.input_tokens + summary.output_tokens <= foreseen.tokens_at_most
    again = distill(sums(50), teacher, annotators, NumberGrader(), tmp_path / "l", tmp_path / "again")
    assert again.calls == 0
    assert (tmp_path / "o").read_bytes() == (tmp_path / "again").read_bytes()


OPPOSITES = {"big": "small", "hot": "cold", "up": "down", "old": "young", "rich": "poor"}
SHOWN = [
    "I like fruit, and a banana is yellow.\nAnswer: banana",
    "The opposite turns the meaning around: what is not big is small.\nAnswer: small",
]


def shown(request: Request) -> str:
    return SHOWN[request.sample]


@pytest.mark.slow
def test_a_real_student_gains_most_from_the_candidate_that_shows_the_skill(tmp_path: Path, smollm2_name: str) -> None:
    module = type(sys)("teachers_two_candidates")
    module.shown = shown  # type: ignore[attr-defined]
    sys.modules["teachers_two_candidates"] = module
    prompts = [
        Prompt(word, (Message("user", f"What is the opposite of {word}?"),), reference=opposite)
        for word, opposite in OPPOSITES.items()
    ]
    write_prompts(tmp_path / "probes.parquet", prompts[1:])
    student = TransformersBackend(smollm2_name, batch_size=8, threads=1)
    annotators = [
        RationaleAnnotator(samples=2, max_asks=2),
        CandidateChoiceAnnotator(student, probes=str(tmp_path / "probes.parquet"), probe_count=4),
    ]
    teacher = ScriptedBackend("teachers_two_candidates:shown")
    summary = distill(prompts[:1], teacher, annotators, None, tmp_path / "l", tmp_path / "o")
    best, worst = (a for a in read_annotations(tmp_path / "o") if a.kind == "candidate_choice")
    assert (best.answer, worst.answer, summary.problems) == ("small", "banana", 0)
    assert best.value is not None
    assert best.value > 0
    assert sum(a > b for a, b in zip(best.data["gains"], worst.data["gains"], strict=True)) >= 3
