from __future__ import annotations

import torch

from lessons.records import Message
from students import RandomWeights, Scorer, score_texts
from students.text_scores import scorer_ids

TEXTS = [([Message("user", f"{k}+1?")], "so " * k + "yes") for k in range(1, 6)]


def scorer(labels: list[str] | None = None) -> Scorer:
    weights = RandomWeights(hidden_size=16, layers=2, heads=2, max_positions=128)
    return Scorer(weights, labels, precision="float32")


def test_scores_do_not_depend_on_who_shares_a_batch() -> None:
    together, alone = score_texts(scorer(), TEXTS), score_texts(scorer(), TEXTS, batch_size=1)
    torch.testing.assert_close(torch.tensor(together), torch.tensor(alone))
    assert len({round(score[0], 4) for score in together}) > 1


def test_an_answer_is_read_to_the_end_of_its_turn_and_a_question_to_where_one_would_begin() -> None:
    made = scorer(["no", "yes"])
    (messages, text), asked = TEXTS[0], (TEXTS[1][0], None)
    answered, open_end = scorer_ids(made, [(messages, text), asked])
    assert answered == [*made.encoder.prompt_ids(messages), *made.encoder.completion_ids(messages, text)]
    assert answered[-1] == made.encoder.end_of_turn
    assert open_end == made.encoder.prompt_ids(asked[0])
