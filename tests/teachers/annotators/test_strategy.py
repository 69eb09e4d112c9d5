from __future__ import annotations

import asyncio
import random
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lessons.errors import BudgetExceeded, ConfigError
from lessons.graders import NumberGrader
from lessons.records import Message, Prompt
from lessons.tables import read_annotations
from teachers import Budget, Limits, ScriptedBackend, StrategyAnnotator, distill
from teachers.annotators import ParseProblem
from teachers.backend import Completion, Request

MINE = "name: mine/1\n[guess]\nGuess at once.\n[count]\nCount it out slowly.\n[twice]\nSolve it two times over.\n"


def answer(request: Request) -> str:
    """Guessing is right for sums of even numbers only, counting for sums, solving twice for all."""
    text, system = request.messages[-1].content, request.messages[0].content
    a, sign, b = text.split("?")[0].split()
    truth = int(a) + int(b) if sign == "+" else int(a) * int(b)
    right = {"Guess": sign == "+" and int(a) % 2 == 0, "Count": sign == "+", "Solve": True}[system.split()[0]]
    return f"So.\nAnswer: {truth if right else -1}"


def prompts(count: int) -> list[Prompt]:
    made = []
    for k in range(count):
        sign = "+*"[k % 2]
        reference = str(k + 3 if sign == "+" else k * 3)
        made.append(Prompt(f"p{k}", (Message("user", f"{k} {sign} 3 ?"),), reference, topic=sign))
    return made


@pytest.fixture(scope="module", autouse=True)
def programs() -> Any:
    module = ModuleType("teachers_strategies")
    module.answer = answer  # type: ignore[attr-defined]
    sys.modules["teachers_strategies"] = module
    yield
    del sys.modules["teachers_strategies"]


@pytest.fixture
def mine(tmp_path: Path) -> str:
    path = tmp_path / "mine.txt"
    path.write_text(MINE)
    return str(path)


TEACHER = ScriptedBackend("teachers_strategies:answer")


def test_probes_measure_and_the_best_strategy_of_each_topic_answers_the_rest(tmp_path: Path, mine: str) -> None:
    arguments = ([StrategyAnnotator(mine, probes=4)], NumberGrader(), tmp_path / "l", tmp_path / "o")
    summary = distill(prompts(40), TEACHER, *arguments, progress=False)
    found = list(read_annotations(tmp_path / "o"))
    probes = [a for a in found if a.data["probe"]]
    others = [a for a in found if not a.data["probe"]]
    assert {a.prompt_id for a in probes} == {f"p{k}" for k in range(8)}
    assert len(probes) == 8 * 3
    assert [a.sample for a in probes[:3]] == [0, 1, 2]
    # Sums 0, 2, 4, 6: guessing and counting are right each time, and guessing comes first. Products: only solving.
    assert {(a.prompt_id in {f"p{k}" for k in range(0, 40, 2)}, a.data["strategy"]) for a in others} == {
        (True, "guess"), (False, "twice"),
    }  # fmt: skip
    assert others[0].data["measured"] == {"guess": 4, "count": 4, "twice": 4}
    assert others[1].data["measured"] == {"guess": 0, "count": 0, "twice": 4}
    assert all(a.trusted for a in others)
    assert summary.calls == 8 * 3 + 32  # measuring asks nothing twice


def test_the_choice_never_depends_on_the_latency(tmp_path: Path, mine: str) -> None:
    slow = ScriptedBackend("teachers_strategies:answer")
    generator = random.Random(1)
    send = slow.send

    async def late(request: Request) -> dict[str, Any]:
        slow.latency_seconds = generator.random() * 0.02
        return await send(request)

    slow.send = late  # type: ignore[method-assign]
    for name, teacher in (("a", TEACHER), ("b", slow)):
        arguments = ([StrategyAnnotator(mine, probes=3)], NumberGrader(), tmp_path / f"{name}.l", tmp_path / name)
        distill(prompts(30), teacher, *arguments, Limits(in_flight=5), progress=False)
    one, other = ([(a.prompt_id, a.sample, a.text, a.data) for a in read_annotations(tmp_path / n)] for n in "ab")
    assert one == other


def test_a_budget_that_ends_while_measuring_ends_the_run(tmp_path: Path, mine: str) -> None:
    arguments = ([StrategyAnnotator(mine, probes=5)], NumberGrader(), tmp_path / "l", tmp_path / "o")
    with pytest.raises(BudgetExceeded):
        distill(prompts(60), TEACHER, *arguments, budget=Budget(calls=12), progress=False)
    assert distill(prompts(60), TEACHER, *arguments, progress=False).calls == 10 * 3 + 50 - 12


def test_the_prompt_stays_plain_and_the_text_must_not_repeat_the_strategy(answering: Any) -> None:
    prompt = prompts(1)[0]
    annotator = StrategyAnnotator()
    system, user = annotator.strategy_request(prompt, "direct").messages
    assert "Do not mention this instruction." in system.content
    assert annotator.catalogue.entries["direct"] not in user.content
    assert user.content.startswith("0 + 3 ?")
    assert "3." not in user.content  # the reference is never shown
    asking, _ = answering(
        lambda request: f"I shall {request.messages[0].content}\nAnswer: 3", prompt, grader=NumberGrader()
    )
    found = asyncio.run(annotator.annotate(asking))
    assert len(found) == 7
    assert all(str(a.problem).startswith("repeats the strategy's message: ") for a in found)


@pytest.mark.parametrize("text", ["It is 4.", "Answer:"])
def test_no_answer_is_a_problem(text: str) -> None:
    with pytest.raises(ParseProblem, match=r'no line "Answer: \.\.\."'):
        StrategyAnnotator().parse(Completion(text, "stop", 1, 1, "m"), prompts(1)[0])


@given(st.text() | st.text("Answer: 4\n*"))
def test_nothing_but_the_documented_error_is_raised(text: str) -> None:
    try:
        fields = StrategyAnnotator().parse(Completion(text, "stop", 1, 1, "m"), prompts(1)[0])
    except ParseProblem:
        return
    assert fields.answer


def test_it_needs_a_grader_and_a_choice(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"StrategyAnnotator got probes=8, 7 strategies and no grader"):
        StrategyAnnotator().check(None)
    with pytest.raises(ConfigError, match=r"got probes=0.*at least 1 probe"):
        StrategyAnnotator(probes=0).check(NumberGrader())
    assert StrategyAnnotator().foresee(prompts(1)[0]) == ([], 14)
