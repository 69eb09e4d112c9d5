"""Dialogues: a student asks, the teacher answers, and the student shows at the end what it has learnt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property, reduce
from typing import Any, Literal

from lessons.answers import split_answer
from lessons.errors import ConfigError
from lessons.grading import Grader
from lessons.records import Annotation, Prompt
from teachers.annotators.base import Annotator, Asking, Fields, ParseProblem
from teachers.annotators.leaks import leak
from teachers.annotators.prompt_calls import PromptCalls
from teachers.annotators.repair import sum_known
from teachers.annotators.template import Template
from teachers.backend import Completion, Request, Sampling, TeacherBackend

__all__ = ["DialogueAnnotator"]

READY = "ready"
TYPICAL_TURN = {"question": "what is meant by this " * 10, "answer": "think of it like this " * 30}


class DialogueAnnotator(Annotator):
    """Lets a student ask the teacher about a question, for a few turns, before it answers.

    After INTERACT (Kendapadi et al. 2024, arXiv:2412.11388), where a student learns by asking a teacher who knows more
    and sits a quiz; wording and bounds are ours. The student may end the questions early by writing "READY". The
    annotation's `text` is the whole dialogue, its `answer` the student's final one, graded where the run has a grader;
    its `value` is that grade's score. Its data: "turns" (each the student's "question" and the teacher's "answer"),
    "final" (the student's last text), "student" (its model), and with `answer_first` "before" (its "text", "answer" and
    "correct" before the first turn). With hints only, or where the teacher saw the reference, a turn that gives the
    answer away ends the dialogue, which is kept with a `problem`. Tokens and dollars are those of all its calls.

    Args:
        student: Who asks and answers.
        turns: At most so many questions.
        telling: "hints": the teacher must not give the answer away; "everything": it may.
        answer_first: Let the student answer once before the first turn, so that the dialogue's use can be told.
        verify: Grade the student's answers, when the run has a grader.
        temperature: Temperature of the teacher's sampling; None for the provider's default.
        student_temperature: Temperature of the student's sampling.
        max_output_tokens: Upper bound on the tokens of one turn, the teacher's or the student's.
        seed: Seed, for teachers that honour seeds.
        show_reference: Show the teacher (not the student) the right answer.
        repairs: How often a turn that cannot be read is sent back with the reason: 0 or 1.
        template: Text file with another prompt template for the teacher's turns; copy
            teachers/annotators/templates/dialogue.txt.
        student_template: The same for the student's turns; copy teachers/annotators/templates/dialogue_student.txt.
    """

    kind = "dialogue"

    def __init__(
        self,
        student: TeacherBackend,
        turns: int = 3,
        telling: Literal["hints", "everything"] = "hints",
        answer_first: bool = False,
        verify: bool = True,
        temperature: float | None = 0.0,
        student_temperature: float | None = 0.0,
        max_output_tokens: int = 512,
        seed: int | None = None,
        show_reference: bool = False,
        repairs: int = 1,
        template: str | None = None,
        student_template: str | None = None,
    ) -> None:
        super().__init__(
            temperature=temperature,
            max_output_tokens=max_output_tokens,
            seed=seed,
            show_reference=show_reference,
            repairs=repairs,
            verify=verify,
            template=template,
        )
        self.student = student
        self.turns = turns
        self.telling = telling
        self.answer_first = answer_first
        self.student_temperature = student_temperature
        self.student_template = student_template

    @property
    def backends(self) -> tuple[TeacherBackend, ...]:
        """The student."""
        return (self.student,)

    @cached_property
    def student_wording(self) -> Template:
        """The template of the student's turns."""
        return Template(self.student_template, "dialogue_student")

    def check(self, grader: Grader | None) -> None:
        """Refuse settings that cannot work; read both templates."""
        super().check(grader)
        _ = self.student_wording.label
        if self.turns < 1:
            raise ConfigError(
                f"turns of DialogueAnnotator is {self.turns}; a dialogue has at least 1. Raise it, or ask the student "
                "without a teacher (tutelage evaluate)."
            )

    def parse(self, completion: Completion, prompt: Prompt) -> Fields:
        """Read the student's final answer, after the last "Answer:"."""
        _, answer = split_answer(completion.text)
        if not answer:
            raise ParseProblem('no line starts with "Answer:"' if answer is None else 'nothing follows "Answer:"')
        return Fields(completion.text.strip(), answer)

    def read_turn(self, completion: Completion, prompt: Prompt) -> Fields:
        """Read a turn: any text."""
        if not completion.text.strip():
            raise ParseProblem("nothing was written")
        return Fields(completion.text.strip())

    def teacher_request(self, prompt: Prompt, turns: list[dict[str, str]], asked: str) -> Request:
        """Make the request for the teacher's answer to the student's question."""
        return self.request(prompt, self.build(prompt, turns=turns, asked=asked, telling=self.telling), 0)

    def student_request(self, prompt: Prompt, turns: list[dict[str, str]], final: bool) -> Request:
        """Make the request for the student's question, or for its answer."""
        messages = self.student_wording.messages(prompt, False, turns=turns, final=final)
        sampling = Sampling(self.student_temperature, max_output_tokens=self.max_output_tokens, seed=self.seed)
        return self.request(prompt, messages, 0, sampling)

    def foresee(self, prompt: Prompt) -> tuple[list[Request], int]:
        """Foresee the teacher's turns; what they answer is not known yet."""
        return [], self.turns * (1 + self.repairs)

    def example(self, prompt: Prompt) -> Request | None:
        """Return the request of the last turn, after turns of typical length."""
        request = self.teacher_request(prompt, [TYPICAL_TURN] * (self.turns - 1), TYPICAL_TURN["question"])
        return self.in_full(request)

    def foresee_others(self, prompt: Prompt, earlier: Mapping[str, int]) -> list[PromptCalls]:
        """Foresee the student's turns and answers, of which only the first is known yet."""
        first = self.student_request(prompt, [], final=self.answer_first)
        last = self.student_request(prompt, [TYPICAL_TURN] * self.turns, final=True)
        most = (self.turns + 1 + self.answer_first) * (1 + self.repairs)
        return [PromptCalls(self.student, [first], most, lambda: self.in_full(last))]

    async def annotate(self, asking: Asking) -> list[Annotation]:
        """Hold the dialogue."""
        if asking.through is None:
            raise ConfigError("DialogueAnnotator was used outside a run: its Asking has no `through`. Use `distill`.")
        return [await Dialogue(self, asking, asking.through(self.student)).hold()]


class Dialogue:
    """One dialogue under way.

    Args:
        annotator: Its settings.
        asking: Asks the teacher.
        student: Asks the student.
    """

    def __init__(self, annotator: DialogueAnnotator, asking: Asking, student: Asking) -> None:
        self.annotator = annotator
        self.asking = asking
        self.student = student
        self.turns: list[dict[str, str]] = []
        self.said: list[Annotation] = []
        self.data: dict[str, Any] = {"turns": self.turns, "student": student.model}

    async def hold(self) -> Annotation:
        """Let them talk, then let the student answer."""
        if self.annotator.answer_first:
            before = await self.answer()
            graded = None if before.grade is None else before.grade.correct
            self.data["before"] = {"text": before.text, "answer": before.answer, "correct": graded}
        for number in range(1, self.annotator.turns + 1):
            problem, ended = await self.turn()
            if problem is not None:
                return self.ended(self.said[-1], f"turn {number}: {problem}")
            if ended:
                break
        final = await self.answer()
        self.data["final"] = final.text
        return self.ended(final, None if final.problem is None else f"the final answer: {final.problem}")

    async def turn(self) -> tuple[str | None, bool]:
        """Let the student ask and the teacher answer; return what went wrong, and whether the student is ready."""
        asks, prompt = self.annotator, self.asking.prompt
        question = await asks.asked(
            self.student, asks.student_request(prompt, self.turns, final=False), read=asks.read_turn
        )
        self.said.append(question)
        if question.problem is not None:
            return f"the student's question: {question.problem}", False
        if question.text.strip(" \t\n*_.!\"'").casefold() == READY:
            return None, True
        reply = await asks.asked(
            self.asking, asks.teacher_request(prompt, self.turns, question.text), read=asks.read_turn
        )
        self.said.append(reply)
        self.turns.append({"question": question.text, "answer": reply.text})
        given_away = leak(reply.text, prompt) if asks.telling == "hints" or asks.show_reference else None
        problem = f"gives the answer away: {given_away}" if given_away else reply.problem
        return (None if problem is None else f"the teacher's answer: {problem}"), False

    async def answer(self) -> Annotation:
        """Let the student answer the prompt, graded."""
        request = self.annotator.student_request(self.asking.prompt, self.turns, final=True)
        found = await self.annotator.asked(self.student, request)
        self.said.append(found)
        return found

    def ended(self, last: Annotation, problem: str | None) -> Annotation:
        """Return the annotation of the whole dialogue."""
        labels = f"{self.annotator.wording.label}+{self.annotator.student_wording.label}"
        spent = reduce(sum_known, (one.provenance for one in self.said[:-1]), self.said[-1].provenance)
        lines = [f"Student: {turn['question']}\n\nTeacher: {turn['answer']}" for turn in self.turns]
        finals = [f"Student: {self.data['final']}"] if "final" in self.data else []
        return replace(
            last,
            text="\n\n".join([*lines, *finals]),
            value=None if last.grade is None else last.grade.score,
            data=self.data,
            problem=problem,
            provenance=replace(spent, teacher=self.asking.teacher, model=self.asking.model, template=labels),
        )
