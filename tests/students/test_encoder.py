from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lessons.errors import RenderingError
from lessons.records import Message
from students import CharacterTokenizer, Encoder
from tests.students.conftest import ALPHABET, SMOLLM2_TEMPLATE, BytePairTokenizer, ask

CHARACTERS = Encoder(CharacterTokenizer(ALPHABET).build())
SMOLLM2 = Encoder(BytePairTokenizer(SMOLLM2_TEMPLATE).build())
ENCODERS = pytest.mark.parametrize("encoder", [CHARACTERS, SMOLLM2], ids=["characters", "smollm2"])
WORDS = st.text(ALPHABET, min_size=1).filter(str.strip)


def inference_ids(encoder: Encoder, messages: list[Message]) -> list[int]:
    """What transformers itself feeds a model for this conversation."""
    plain = [{"role": m.role, "content": m.content} for m in messages]
    ids: list[int] = encoder.tokenizer.apply_chat_template(plain, add_generation_prompt=True)["input_ids"]
    return ids


@ENCODERS
@given(question=WORDS, answer=WORDS)
def test_the_prompt_part_is_the_inference_prompt_and_the_span_ends_the_turn(
    encoder: Encoder, question: str, answer: str
) -> None:
    messages = [Message("user", question)]
    encoded = encoder.encode([(messages, answer)])[0]
    assert encoded.prompt_ids == inference_ids(encoder, messages) == encoder.prompt_ids(messages)
    assert encoded.completion_ids[-1] == encoder.end_of_turn
    assert encoded.completion_ids.count(encoder.end_of_turn) == 1
    assert encoder.tokenizer.decode(encoded.completion_ids[:-1]) == answer.strip()


@ENCODERS
@given(question=WORDS, answer=WORDS)
def test_training_text_is_the_templates_own_rendering(encoder: Encoder, question: str, answer: str) -> None:
    turns = [("user", question), ("assistant", answer.strip())]
    whole = encoder.tokenizer.apply_chat_template([{"role": r, "content": c} for r, c in turns], tokenize=False)
    encoded = encoder.encode([([Message("user", question)], answer)])[0]
    assert whole.startswith(encoder.tokenizer.decode(encoded.prompt_ids + encoded.completion_ids))


@ENCODERS
def test_a_conversation_of_several_turns(encoder: Encoder) -> None:
    messages = [Message("system", "a"), Message("user", "b"), Message("assistant", "c"), Message("user", "d")]
    assert encoder.encode([(messages, "e")])[0].prompt_ids == inference_ids(encoder, messages)


def test_batches_encode_like_single_conversations() -> None:
    pairs = [(ask(f"{k}+{k}=?"), f"{k}\nAnswer: {2 * k}") for k in range(50)]
    assert SMOLLM2.encode(pairs) == [SMOLLM2.encode([pair])[0] for pair in pairs]
    assert SMOLLM2.encode([]) == []


def test_end_of_turn_is_learnt_although_it_is_the_padding_token() -> None:
    assert SMOLLM2.pad_id == SMOLLM2.end_of_turn == SMOLLM2.tokenizer.eos_token_id
    assert SMOLLM2.completion_ids(ask("a"), "b")[-1] == SMOLLM2.end_of_turn
    assert SMOLLM2.stop_ids == [SMOLLM2.end_of_turn]


def test_a_token_across_the_border_is_cut_where_inference_cuts_it() -> None:
    template = (
        "{% for m in messages %}{% if m['role'] == 'user' %}{{ m['content'] }}Ans{% else %}"
        "{{ m['content'] }}<|im_end|>{% endif %}{% endfor %}"
    )
    encoder = Encoder(BytePairTokenizer(template).build())
    alone, joint = encoder.tokenize(["qAns"])[0], encoder.tokenize(["qAnswer: 4<|im_end|>"])[0]
    assert joint[: len(alone)] != alone  # the tokenizer merges "Answer" into one token
    encoded = encoder.encode([(ask("q"), "wer: 4")])[0]
    assert encoded.prompt_ids == alone
    assert encoder.tokenizer.decode(encoded.completion_ids) == "wer: 4<|im_end|>"


def test_outer_whitespace_of_an_answer_is_not_taught() -> None:
    assert CHARACTERS.completion_ids(ask("a"), "  b\n") == CHARACTERS.completion_ids(ask("a"), "b")


def test_fingerprint_tells_templates_and_arguments_apart() -> None:
    tokenizer = CHARACTERS.tokenizer
    assert Encoder(tokenizer, {"enable_thinking": False}).fingerprint != CHARACTERS.fingerprint
    assert SMOLLM2.fingerprint != CHARACTERS.fingerprint == Encoder(tokenizer).fingerprint


def test_missing_template() -> None:
    with pytest.raises(RenderingError, match=r"has no chat template.*instruction-tuned.*`chat_template`"):
        Encoder(BytePairTokenizer(None).build()).prompt_ids(ask("a"))


def test_unknown_character() -> None:
    with pytest.raises(RenderingError, match=r"no token for 'Z', 'é' in 'aéZ.*alphabet"):
        CHARACTERS.completion_ids(ask("a"), "aéZ")
    with pytest.raises(RenderingError, match="no token for 'Z'"):
        CHARACTERS.prompt_ids(ask("Z"))


def test_end_of_turn_inside_an_answer() -> None:
    with pytest.raises(RenderingError, match=r"end-of-turn token inside its text.*Remove the token's text"):
        SMOLLM2.completion_ids(ask("a"), "b<|im_end|>c")


def test_empty_answer() -> None:
    with pytest.raises(RenderingError, match=r"answer to train on is empty.*Leave such lessons out"):
        SMOLLM2.completion_ids(ask("a"), " \n")


def test_template_that_never_closes_an_answer() -> None:
    plain = "{% for m in messages %}{{ m['role'] + ': ' + m['content'] + '\n' }}{% endfor %}assistant: "
    with pytest.raises(RenderingError, match=r"closes an answer with '\\nassistant: ', which holds no special token"):
        _ = Encoder(BytePairTokenizer(plain).build()).end_of_turn


THINKING = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n"
    "{% if m['role'] == 'assistant' %}<think>\n\n</think>\n\n{% endif %}{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n"
    "{% if enable_thinking is defined and not enable_thinking %}<think>\n\n</think>\n\n{% endif %}{% endif %}"
)


def test_template_that_trains_what_it_does_not_ask() -> None:
    tokenizer = BytePairTokenizer(THINKING).build()
    with pytest.raises(RenderingError, match=r"differently from its own inference prompt.*enable_thinking: false"):
        Encoder(tokenizer).completion_ids(ask("a"), "b")
    switched = Encoder(tokenizer, {"enable_thinking": False})
    assert switched.tokenizer.decode(switched.completion_ids(ask("a"), "b")) == "b<|im_end|>"


def test_template_that_refuses_a_role() -> None:
    template = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    with pytest.raises(RenderingError, match=r"refuses these messages: System role not supported.*roles system, user"):
        Encoder(BytePairTokenizer(template + SMOLLM2_TEMPLATE).build()).prompt_ids([Message("system", "a"), *ask("b")])


def test_whitespace_that_a_template_writes_before_answers_is_learnt() -> None:
    template = (
        "{% for m in messages %}{% if m['role'] == 'user' %}[INST] {{ m['content'] }} [/INST]"
        "{% else %} {{ m['content'] }} <|im_end|>{% endif %}{% endfor %}"
    )
    encoder = Encoder(BytePairTokenizer(template).build())
    assert encoder.tokenizer.decode(encoder.completion_ids(ask("a"), "b")) == " b <|im_end|>"
