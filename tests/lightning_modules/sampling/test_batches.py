from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from lightning_modules.sampling import Answer, Asked
from lightning_modules.sampling.batches import sequence_of, sums_of

UPDATE = 5


@st.composite
def answers(draw: st.DrawFn) -> Answer:
    prompt = np.arange(draw(st.integers(1, 4)), dtype=np.int32)
    asked = Asked(0, 0, 0, prompt, 0, "p", draw(st.integers(0, 1)), draw(st.sampled_from([0.5, 1.0, 2.0])))
    tokens = np.arange(10, 10 + draw(st.integers(1, 5)), dtype=np.int32)
    weight = draw(st.sampled_from([0.0, 0.5, 1.0]))
    return Answer(asked, tokens, draw(st.booleans()), draw(st.integers(3, UPDATE)), weight)


@settings(max_examples=50)
@given(st.lists(answers(), max_size=12))
def test_sums_are_those_of_the_answers(every: list[Answer]) -> None:
    sums = sums_of(every, 2, UPDATE)
    used = [answer for answer in every if answer.weight > 0]
    for part in (0, 1):
        mine = [
            (answer.asked.factor * answer.weight, len(answer.tokens)) for answer in used if answer.asked.part == part
        ]
        assert sums.totals[part] == sum(weight * tokens for weight, tokens in mine)
        assert sums.sequence_weights[part] == sum(weight for weight, _ in mine)
    assert sums.counts.tolist() == [
        len(used),
        sum(len(answer.asked.prompt) + len(answer.tokens) for answer in used),
        sum(len(answer.tokens) for answer in used),
        len(every),
        sum(len(answer.tokens) for answer in every),
        sum(answer.truncated for answer in every),
        sum(answer.update == UPDATE for answer in every),
    ]


@settings(max_examples=20)
@given(answers())
def test_the_prompt_is_read_and_every_token_of_the_answer_learnt(answer: Answer) -> None:
    tokens, weights, part = sequence_of(answer)
    assert tokens.tolist() == [*answer.asked.prompt.tolist(), *answer.tokens.tolist()]
    assert weights.tolist() == [0.0] * len(answer.asked.prompt) + [1.0] * len(answer.tokens)
    assert part == answer.asked.part
