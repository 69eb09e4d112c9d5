from __future__ import annotations

import numpy as np
from outspoken import pupil

from lightning_modules import OwnAnswers, Sampling
from lightning_modules.sampling import Asked

LENGTHS = (3, 9, 1, 5, 7, 2)


def test_answers_written_together_are_those_written_alone() -> None:
    """Left-padded prompts of different lengths, in float64: a wrong mask or position shows, rounding does not."""
    student = pupil()
    student.model.double()
    draw = np.random.default_rng(3)
    prompts = [draw.integers(3, 70, length).astype(np.int32) for length in LENGTHS]
    asked = [Asked(k, 0, 0, prompt, k, f"p{k}", 0, 1.0) for k, prompt in enumerate(prompts)]
    together = OwnAnswers().write(student, Sampling(60, batch_size=4).request(asked, 2))
    alone = [OwnAnswers().write(student, Sampling(60).request([want], 2))[0] for want in asked]
    assert together == alone
    assert len({len(tokens) for tokens in together}) > 1
    assert OwnAnswers().write(student, Sampling(60).request([], 2)) == []
