from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from lessons.errors import ConfigError, RenderingError
from students import Generation, Student, answer
from students.decoding import sample, stream
from students.generation import continuations
from tests.students.conftest import ask, tiny_weights

QUESTIONS = [ask("1" * k + "+2=?") for k in (1, 30, 2, 9, 9, 17, 4, 25, 3, 12)]


@pytest.fixture(scope="module")
def student() -> Student:
    """A random model that speaks: untied, or it would only repeat its last token."""
    weights = tiny_weights()
    weights.tie_embeddings = False
    student = Student(weights)
    with torch.no_grad():
        for parameter in student.model.parameters():
            if parameter.ndim == 2:
                parameter.mul_(10)  # strong attention, and logits far apart: no near-ties between batch shapes
    return student


def test_batched_greedy_equals_one_by_one(student: Student) -> None:
    together = answer(student, QUESTIONS, Generation(max_new_tokens=40, batch_size=4))
    alone = [answer(student, [q], Generation(max_new_tokens=40, batch_size=1))[0] for q in QUESTIONS]
    assert together == alone
    assert len({g.text for g in together}) > 5


def test_greedy_equals_transformers_own_generation(student: Student) -> None:
    found = answer(student, QUESTIONS, Generation(max_new_tokens=40))
    for question, mine in zip(QUESTIONS, found, strict=True):
        ids = torch.tensor([student.encoder.prompt_ids(question)])
        theirs = student.model.generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=40, do_sample=False,
            eos_token_id=student.encoder.stop_ids, pad_token_id=student.encoder.pad_id,
        )[0, ids.shape[1] :]  # fmt: skip
        assert mine.tokens == len(theirs)
        assert mine.text == student.tokenizer.decode(theirs, skip_special_tokens=True)


SAMPLED = Generation(max_new_tokens=60, temperature=30.0, batch_size=4, seed=3)


def test_sampled_answers_do_not_depend_on_the_batch(student: Student) -> None:
    together = answer(student, QUESTIONS[:4], SAMPLED)
    assert together == answer(student, QUESTIONS[:4], replace(SAMPLED, batch_size=3))
    assert together[::-1] == answer(student, QUESTIONS[3::-1], SAMPLED)
    assert together[2] == answer(student, [QUESTIONS[2]], SAMPLED)[0]


def test_seeds_and_copies_of_a_prompt_draw_differently(student: Student) -> None:
    first = answer(student, [QUESTIONS[0]] * 3, SAMPLED)
    assert len({g.text for g in first}) == 3
    assert first != answer(student, [QUESTIONS[0]] * 3, replace(SAMPLED, seed=4))
    assert first == answer(student, [QUESTIONS[0]] * 3, SAMPLED)


def test_generation_stops_at_the_end_of_turn(student: Student) -> None:
    found = answer(student, QUESTIONS * 10, SAMPLED)
    stopped = [g for g in found if not g.truncated]
    assert stopped
    assert all(g.tokens == 60 for g in found if g.truncated)
    assert all(1 <= g.tokens <= 60 and "<|end|>" not in g.text for g in stopped)
    assert len({g.tokens for g in stopped}) > 5


def test_one_token_may_be_all(student: Student) -> None:
    found = answer(student, QUESTIONS, Generation(max_new_tokens=1))
    assert all(g.tokens == 1 for g in found)


def test_a_small_top_p_is_greedy(student: Student) -> None:
    greedy = answer(student, QUESTIONS, Generation(max_new_tokens=20))
    assert greedy == answer(student, QUESTIONS, Generation(max_new_tokens=20, temperature=1.0, top_p=1e-9))


def test_samples_follow_the_distribution() -> None:
    logits = torch.tensor([0.5, 3.0, 1.0, 2.0])
    uniforms = torch.from_numpy((np.arange(20_000) + 0.5) / 20_000)
    tokens = sample(logits.expand(20_000, 4), uniforms, Generation(temperature=2.0))
    found = torch.bincount(tokens, minlength=4) / 20_000
    torch.testing.assert_close(found, (logits / 2).softmax(-1), atol=1e-4, rtol=0)
    kept = sample(logits.expand(20_000, 4), uniforms, Generation(temperature=2.0, top_p=0.6))
    expected = torch.tensor([0.0, *(logits[[1, 3]] / 2).softmax(-1)])[[0, 1, 0, 2]]
    torch.testing.assert_close(torch.bincount(kept, minlength=4) / 20_000, expected, atol=1e-4, rtol=0)


def test_uniforms_at_the_edges_are_tokens() -> None:
    logits = torch.zeros(2, 5)
    tokens = sample(
        logits, torch.tensor([0.0, 1 - 2**-53], dtype=torch.float64), Generation(temperature=1.0, top_p=0.5)
    )
    assert tokens.tolist() == [0, 2]


def test_progress_counts_up_to_all(student: Student) -> None:
    seen: list[tuple[int, int]] = []
    answer(
        student, QUESTIONS, Generation(max_new_tokens=2, batch_size=4), lambda done, wanted: seen.append((done, wanted))
    )
    assert seen == [(4, 10), (8, 10), (10, 10)]


def test_nothing_asked_nothing_answered(student: Student) -> None:
    assert answer(student, []) == []


def test_the_training_mode_is_left_as_it_was(student: Student) -> None:
    student.model.train()
    answer(student, QUESTIONS[:1], Generation(max_new_tokens=1))
    assert student.model.training
    student.model.eval()


def test_an_answer_ends_where_the_context_does(student: Student) -> None:
    found = answer(student, [ask("1" * 120), ask("2")], Generation(max_new_tokens=50))
    assert found[0].tokens <= 128 - len(student.encoder.prompt_ids(ask("1" * 120)))
    assert found[1] == answer(student, [ask("2")], Generation(max_new_tokens=50))[0]
    with pytest.raises(RenderingError, match=r"Prompt 1 has 204 tokens, but the model's context is 128.*Shorten"):
        answer(student, [ask("1"), ask("1" * 200)])


@pytest.mark.parametrize(
    ("name", "value"), [("max_new_tokens", 0), ("temperature", -1.0), ("top_p", 0.0), ("top_p", 1.5), ("batch_size", 0)]
)
def test_values_outside_their_range(student: Student, name: str, value: float) -> None:
    with pytest.raises(ConfigError, match=rf"Generation got {name} = .*; allowed is "):
        answer(student, QUESTIONS, replace(Generation(), **{name: value}))


def test_ids_that_the_tokenizer_does_not_know_are_never_written() -> None:
    """Output layers are padded to more rows than there are tokens; other models have no row for such an id at all."""
    student = Student(tiny_weights())
    student.model.resize_token_embeddings(student.encoder.vocabulary_size + 8)
    with torch.no_grad():
        student.model.get_output_embeddings().weight[student.encoder.vocabulary_size :] *= 1000
    prompt = student.encoder.prompt_ids(QUESTIONS[0])
    uniforms = [stream(b"%d" % k, 30) for k in range(8)]
    for draws, temperature in ((None, 0.0), (uniforms, 5.0)):
        settings = Generation(max_new_tokens=30, temperature=temperature)
        written = continuations(student, [prompt] * 8, settings, draws)
        assert max(map(max, written)) < student.encoder.vocabulary_size
    logits = student.model(input_ids=torch.tensor([prompt])).logits[0, -1]
    assert int(logits.argmax()) >= student.encoder.vocabulary_size  # it would write one, if it might
