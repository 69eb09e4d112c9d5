"""A teacher of addition whom all annotators can ask, and a pupil who is often wrong: recipes run with them for nothing.

The tutor knows from the kind of a request what is wanted, solves as `mental_addition` does, slips included, and judges
what it is shown step by step. Its texts are poor, its forms and its marks are right: enough to see a method run.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from teachers.programs import addition, mental_addition

if TYPE_CHECKING:
    from teachers.backend import Request

__all__ = ["answer", "pupil"]

QUESTION = re.compile(r"(\d+)\+(\d+)=\?")
EQUATION = re.compile(r"(\d+)\+(\d+)=(\d+)")
GIVEN = re.compile(r"\bAnswer: *(\d+)")
STEP = re.compile(r"^(\d+)\. (.+)$", re.MULTILINE)


def answer(request: Request) -> str | float:
    """Write what a request asks for about an addition; the same request and sample always get the same text."""
    kind = str(request.metadata.get("kind", "rationale"))
    return WRITERS.get(kind, mental_addition.answer)(request)


def pupil(request: Request) -> str | float:
    """Solve an addition as a pupil does who is one off every other time; or say how likely an answer is to them.

    In a dialogue they ask one question first. A text to be scored is likelier to them after an example with steps.
    """
    text = words(request)
    if request.continuation is not None:
        return -4.0 + 0.5 * min(3, len(EQUATION.findall(text)))
    if "READY" in text:
        return "READY" if "Teacher:" in text else "What do I add first?"
    solved = str(mental_addition.answer(request))
    drawn = hashlib.sha256(f"{solved}#{request.sample}".encode()).digest()
    right = total(text)
    return solved if drawn[0] % 2 or right is None else re.sub(rf"\b{right}\b", str(right + 1), solved)


def words(request: Request) -> str:
    """Return the last message."""
    return request.messages[-1].content


def total(text: str) -> int | None:
    """Return the sum that the first question in a text asks for."""
    found = QUESTION.search(text)
    return None if found is None else int(found[1]) + int(found[2])


def is_right(text: str, wanted: int | None) -> bool:
    """Whether the last answer in a text is the one wanted."""
    given = GIVEN.findall(text)
    return bool(given) and int(given[-1]) == wanted


def holds(step: str, wanted: int | None) -> bool:
    """Whether a step is true: its equation, or the answer that it gives.

    >>> holds("47+80=127", 132), holds("Answer: 133", 132)
    (True, False)
    """
    if GIVEN.match(step):
        return is_right(step, wanted)
    return all(int(a) + int(b) == int(c) for a, b, c in EQUATION.findall(step))


def verdicts(text: str) -> list[bool]:
    """Judge the numbered steps of a work, in their order."""
    return [holds(step, total(text)) for _, step in STEP.findall(text)]


def critique(request: Request) -> str:
    """Name the first wrong step of the work, and the right sum unless it is to be kept secret."""
    text = words(request)
    found = verdicts(text)
    if all(found):
        return "Every step follows from the one before it.\nVerdict: correct"
    first = found.index(False) + 1
    correction = "" if "The right answer is" in text else f"Corrected answer: {total(text)}\n"
    said = f"Step {first} does not hold. Add its numbers once more, ones first."
    return f"{said}\nFirst wrong step: {first}\n{correction}Verdict: incorrect"


def merged_critique(request: Request) -> str:
    """Call every critique sound, and write one in their place."""
    count = len(re.findall(r"^Critique \d+ of this work", words(request), re.MULTILINE))
    judged = "\n".join(f"Critique {k}: sound" for k in range(1, count + 1))
    return f"{judged}\nMerged critique:\n{critique(request)}"


def step_verdicts(request: Request) -> str:
    """Judge step by step."""
    named = ("correct" if right else "incorrect" for right in verdicts(words(request)))
    return "\n".join(f"Step {k}: {name}" for k, name in enumerate(named, 1))


def feedback_prediction(request: Request) -> str:
    """Tell a learner how they did."""
    text = words(request)
    if is_right(text.partition("The right answer:")[0], total(text)):
        return "All your sums are right.\nVerdict: correct"
    return f"One of your sums is off; it is {total(text)}.\nVerdict: incorrect"


def marked(name: str, best: int) -> Callable[[Request], str]:
    """Return a judge who gives the best mark or a 2 on a last line of this name."""

    def judge(request: Request) -> str:
        right = is_right(words(request), total(words(request)))
        return f"The sum is {'right' if right else 'wrong'}.\n{name}: {best if right else 2}"

    return judge


def preference(request: Request) -> str:
    """Prefer the answer that is right."""
    first, _, second = words(request).partition("Answer B:")
    wanted = total(first)
    one, other = is_right(first, wanted), is_right(second, wanted)
    return f"I added both up.\nBetter: {'tie' if one == other else 'A' if one else 'B'}"


def solved(request: Request) -> str:
    """Solve it without a slip."""
    a, b = map(int, QUESTION.findall(words(request))[0])
    return mental_addition.solution(a, b)


def steps(request: Request) -> str:
    """Solve it as a numbered list."""
    *lines, last = solved(request).split("\n")
    return "\n".join([*(f"{k}. {line}" for k, line in enumerate(lines, 1)), last])


def reflection(request: Request) -> str:
    """Add by columns too, and state the rule."""
    a, b = map(int, QUESTION.findall(words(request))[0])
    way, _, last = addition.worked_solution(a, b).rpartition("\n")
    return f"Alternative: {way}\nFollow-up: The order of the numbers does not matter.\n{last}"


def hint(request: Request) -> str:
    """Give as many hints as are wished."""
    count = len(re.findall(r"^Hint \d+:", words(request), re.MULTILINE))
    return "\n".join(f"Hint {k}: Keep one number whole and split the other." for k in range(1, count + 1))


def rubric_grade(request: Request) -> str:
    """Grade every criterion alike: by whether the sum is right."""
    text = words(request)
    score = 5 if is_right(text, total(text)) else 2
    names = re.findall(r"^- (.+?) \(weight \d\)", text, re.MULTILINE)
    return json.dumps({"grades": [{"criterion": name, "reason": "added up", "score": score} for name in names]})


def new_prompt(request: Request) -> str:
    """Ask about larger numbers, drawn from the question."""
    schema: Any = request.schema
    drawn = hashlib.sha256(words(request).encode()).digest()
    pairs = [(drawn[2 * k] + 100, drawn[2 * k + 1] + 100) for k in range(schema["properties"]["questions"]["maxItems"])]
    return json.dumps({"questions": [{"question": f"{a}+{b}=?", "answer": str(a + b)} for a, b in pairs]})


def task_type(request: Request) -> str:
    """Choose the first type that sounds like arithmetic, else the first."""
    types = re.findall(r"^- (.+)$", words(request), re.MULTILINE)
    return f"Type: {next((name for name in types if 'math' in name or 'arith' in name), types[0])}"


def saying(text: str) -> Callable[[Request], str]:
    """Return a writer who always writes the same."""
    return lambda _: text


RUBRIC = {"name": "right sum", "description": "The answer is the sum of both numbers.", "weight": 3}
WRITERS: dict[str, Callable[[Request], str]] = {
    "critique": critique,
    "merged_critique": merged_critique,
    "step_verdicts": step_verdicts,
    "feedback_prediction": feedback_prediction,
    "judgement": marked("Score", 10),
    "quality": marked("Quality", 5),
    "difficulty": addition.answer,
    "preference": preference,
    "revision": solved,
    "steps": steps,
    "reflection": reflection,
    "hint": hint,
    "rubric_grade": rubric_grade,
    "new_prompt": new_prompt,
    "task_type": task_type,
    "skills": saying("Skills: adding tens, adding ones, carrying"),
    "rubric": saying(json.dumps({"criteria": [RUBRIC]})),
    "dialogue": saying("Add the tens of the second number first, then its ones."),
    "privileged_feedback": saying("A sum is off.\nFeedback: Look at your last sum once more."),
    "principles": saying("Principle: Take every carry along.\nErrors: all"),
    "guidance": saying(
        "Understanding: Two numbers are added.\nPlan:\n1. Split the second number.\n2. Add its parts, one by one."
    ),
}
"""What is written for each kind of annotation; other kinds get a solution."""
