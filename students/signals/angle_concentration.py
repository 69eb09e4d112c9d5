"""How alike the directions are that a question's tokens take inside the student."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from curricula.arrays import Scores
from lessons.errors import ConfigError
from lessons.lesson_set import LessonSet
from lessons.records import Prompt
from students.scoring import Scoring, batches
from students.signals.base import StudentSignal
from students.student import Student

if TYPE_CHECKING:
    from students.heavy_types import torch

__all__ = ["AngleConcentration"]


class Place(NamedTuple):
    """Where a question lies in its prompt."""

    ids: list[int]
    """The prompt's tokens up to the question's last."""
    start: int
    """The question's first token."""


class AngleConcentration(StudentSignal):
    """GAIN-RL's signal (Wang et al. 2025, arXiv:2506.02281): high values promise large gradients.

    With h_t the input of the last layer's mlp.up_proj at token t in one pass over the prompt, it is the mean cosine of
    all pairs of question tokens (the lower triangle without its diagonal) plus `context_weight` (8 in the authors'
    code) times the mean cosine between question tokens and the tokens before them. The authors find those tokens by
    fixed offsets of their prompt; here they are found by the question's place in the rendered prompt: our reading.

    Args:
        student: Whose hidden states.
        context_weight: Weight of the second mean.
        column: Name of the column.
        scoring: Sizes of the batches.
    """

    def __init__(
        self,
        student: Student,
        context_weight: float = 8.0,
        column: str = "angle_concentration",
        scoring: Scoring | None = None,
    ) -> None:
        from students.renderings import AnswerOnly

        super().__init__(student, AnswerOnly(), column, scoring)
        self.context_weight = context_weight

    def values(self, lessons: LessonSet) -> Scores:
        """Read every question once; questions of one token, or too long for the model, miss the value."""
        scoring = self.scoring or Scoring()
        scoring.check()
        if not self.student.built:
            self.student.place()
        self.last_projection()
        rows, back = np.unique(lessons.prompt_rows, return_inverse=True)
        first = np.zeros(len(rows), np.int64)
        first[back[::-1]] = np.arange(len(lessons))[::-1]
        places = list(self.places([lesson.prompt for lesson in lessons.at(first)]))
        limit = min(scoring.max_tokens or 2**62, self.student.context_length or 2**62)
        order = sorted((k for k, place in enumerate(places) if fits(place, limit)), key=lambda k: -len(places[k].ids))
        found = np.full(len(rows), np.nan)
        for run in batches([len(places[k].ids) for k in order], scoring.tokens_per_batch):
            chosen = [order[k] for k in run]
            found[chosen] = self.measure_batch([places[k] for k in chosen])
        return found[back]

    def places(self, prompts: Sequence[Prompt]) -> Iterator[Place]:
        """Yield where each question lies in its rendered prompt."""
        encoder = self.student.encoder
        for prompt, text in zip(prompts, encoder.texts([prompt.messages for prompt in prompts]), strict=True):
            start = text.rindex(prompt.question.strip())
            end = start + len(prompt.question.strip())
            before, upto = encoder.tokenize([text[:start], text[:end]])
            yield Place(upto, min(len(before), len(upto)))

    def measure_batch(self, places: Sequence[Place]) -> Scores:
        """Return the signal of some questions, float64 [places]."""
        import torch

        width = max(len(place.ids) for place in places)
        input_ids = torch.zeros(len(places), width, dtype=torch.int64)
        for number, place in enumerate(places):
            input_ids[number, : len(place.ids)] = torch.tensor(place.ids)
        seen: list[torch.Tensor] = []
        handle = self.last_projection().register_forward_pre_hook(lambda module, given: seen.append(given[0]))
        was_training = self.student.model.training
        self.student.model.train(False)
        try:
            with torch.no_grad():
                self.student.base_model(input_ids=input_ids.to(self.student.device), use_cache=False)
        finally:
            handle.remove()
            self.student.model.train(was_training)
        states = torch.nn.functional.normalize(seen[0].float(), dim=-1)
        found = [self.concentration(row[: len(p.ids)], p.start) for row, p in zip(states, places, strict=True)]
        return np.array(found, np.float64)

    def concentration(self, states: torch.Tensor, start: int) -> float:
        """Return the signal of one prompt from its tokens' directions, [tokens, features]."""
        question, context = states[start:], states[:start]
        cosines = question @ question.T
        count = len(question)
        pairs = (cosines.sum() - cosines.diagonal().sum()) / (count * (count - 1))  # symmetric: both triangles alike
        across = (context @ question.T).mean() if len(context) else 0.0
        return float(pairs + self.context_weight * across)

    def last_projection(self) -> Any:
        """Return the last layer's mlp.up_proj.

        Raises:
            ConfigError: The model has none.
        """
        found = [module for name, module in self.student.base_model.named_modules() if name.endswith("mlp.up_proj")]
        if not found:
            raise ConfigError(
                f"AngleConcentration reads the input of the last layer's mlp.up_proj, which "
                f"{type(self.student.base_model).__name__} does not have. Models of Llama's kind (Llama, Qwen, "
                "Mistral, SmolLM) do. Choose such a student, or another signal."
            )
        return found[-1]


def fits(place: Place, limit: int) -> bool:
    """Whether a question has a pair of tokens and its prompt is short enough."""
    return len(place.ids) - place.start >= 2 and len(place.ids) <= limit
