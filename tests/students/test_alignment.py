from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from lessons.records import Message
from students import GGUF, BytePairTokenizer, CharacterTokenizer, Encoder
from students.alignment import Located, align, locate, matched_tokens
from students.spelling import Spelling

ANSWERS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=24).map(str.strip).filter(bool)
SPACES = st.sampled_from([b"", b" ", b"\n\n"])
END = b"<end>"


@st.composite
def written(draw: st.DrawFn, answer: str) -> tuple[list[bytes], Located]:
    """An answer with white space around it, cut anywhere, also inside of characters."""
    whole = draw(SPACES) + answer.encode() + draw(SPACES)
    cuts = sorted(draw(st.sets(st.integers(1, len(whole)))) | {len(whole)})
    pieces = [whole[start:end] for start, end in zip([0, *cuts], cuts, strict=False)] + [END]
    located = locate(pieces, answer)
    assume(located is not None)  # white space cut off by `strip` may be more than ASCII's
    assert located is not None
    return pieces, located


@given(st.data(), ANSWERS)
def test_both_sides_write_the_same_bytes_in_every_chunk_and_every_byte_is_in_one(
    data: st.DataObject, answer: str
) -> None:
    (mine, one), (others, other) = data.draw(written(answer)), data.draw(written(answer))
    found = align(one, other)
    for chunks, pieces in ((found.mine, mine), (found.other, others)):
        assert len(chunks) == len(pieces)
        assert (np.diff(chunks) >= 0).all()
    numbers = set(found.mine.tolist())
    assert numbers == set(found.other.tolist()) == set(range(len(numbers)))
    texts = [
        [b"".join(p for p, c in zip(pieces, chunks, strict=True) if c == number) for number in sorted(numbers)]
        for chunks, pieces in ((found.mine, mine), (found.other, others))
    ]
    assert b"".join(texts[0]) == b"".join(mine)
    for left, right in zip(*texts, strict=True):
        assert left.replace(END, b"").strip() == right.replace(END, b"").strip()
        assert (END in left) == (END in right)
    for left, right in list(zip(*texts, strict=True))[1:-1]:
        assert left == right


@given(st.data(), ANSWERS)
def test_chunks_are_as_short_as_they_can_be(data: st.DataObject, answer: str) -> None:
    (_, one), (_, other) = data.draw(written(answer)), data.draw(written(answer))
    inside = [set(side.ends[(side.ends > 0) & (side.ends <= side.length)].tolist()) for side in (one, other)]
    found = align(one, other)
    for end in inside[0] & inside[1]:
        last = [
            int(chunks[np.searchsorted(side.ends, end)]) for chunks, side in ((found.mine, one), (found.other, other))
        ]
        assert last[0] == last[1]
        assert (found.mine == last[0])[one.ends > end].sum() == 0


@given(st.data(), ANSWERS)
def test_a_tokenizer_is_aligned_with_itself_token_by_token(data: st.DataObject, answer: str) -> None:
    pieces, one = data.draw(written(answer))
    found = align(one, one)
    assert found.mine.tolist() == found.other.tolist() == list(range(len(pieces)))


def test_white_space_around_the_answer_belongs_to_its_first_and_last_chunk() -> None:
    one = locate([b"\n", b" to", b" be", b"\n", END], "to be")
    other = locate([b"to", b" b", b"e", END], "to be")
    assert one is not None
    assert other is not None
    assert one.lead == b"\n "
    assert align(one, other).mine.tolist() == [0, 0, 1, 2, 2]
    assert align(one, other).other.tolist() == [0, 1, 1, 2]


def test_a_token_that_holds_both_white_space_and_answer_is_not_cut_off_from_the_white_space_before_it() -> None:
    one, other = locate([b" ", b"0", END], "0"), locate([b"\n", b"\n0", END], "0")
    assert one is not None
    assert other is not None
    assert align(one, other).mine.tolist() == align(one, other).other.tolist() == [0, 0, 1]


@pytest.mark.parametrize("pieces", [[b"TO", END], [b"x", b"to", END], [END]])
def test_tokens_that_do_not_spell_the_answer_are_not_located(pieces: list[bytes]) -> None:
    assert locate(pieces, "to") is None


QUESTION = [Message("user", "x")]
CHARACTERS = Encoder(CharacterTokenizer("Answer: 0123456789\u20acx").build())
PAIRS = Encoder(BytePairTokenizer(["Answer: 12", "Answer: 34", "Answer"], 300).build())


@given(st.text("Answer: 012\u20ac", min_size=1).map(str.strip).filter(bool))
def test_real_tokenizers_cover_real_answers(answer: str) -> None:
    sides = []
    for encoder in (CHARACTERS, PAIRS):
        pieces = Spelling.of(encoder.tokenizer).spell(encoder.completion_ids(QUESTION, answer))
        sides.append(locate(pieces, answer))
        assert b"".join(pieces) == answer.encode() + b"<|end|>"
    assert sides[0] is not None
    assert sides[1] is not None
    found = align(*sides)  # type: ignore[arg-type]
    assert found.mine[-1] == found.other[-1] == found.mine.max()
    shorter = min(len(sides[0].ends), len(sides[1].ends))
    assert len(set(found.mine.tolist())) <= shorter


def test_smollm2_and_a_small_tokenizer_meet_in_every_answer(smollm2: GGUF) -> None:
    encoders = Encoder(smollm2.load_tokenizer()), PAIRS
    spellings = [Spelling.of(encoder.tokenizer) for encoder in encoders]
    for answer in ("So 3 \u00d7 4 = 12.\nAnswer: 12", "\u4f60\u597d, caf\u00e9 \U0001f600!", "  x\t\ty "):
        sides = [
            locate(spelling.spell(encoder.completion_ids(QUESTION, answer)), answer.strip())
            for spelling, encoder in zip(spellings, encoders, strict=True)
        ]
        assert None not in sides
        found = align(*sides)  # type: ignore[arg-type]
        assert found.mine[-1] == found.other[-1]
        assert len(set(found.mine.tolist())) > 2
    matches = matched_tokens(*spellings, (encoders[0].end_of_turn, encoders[1].end_of_turn))
    lengths = [len(spellings[0].pieces[token]) for token in np.flatnonzero(matches >= 0)]
    assert lengths.count(1) > 200  # some bytes never come in UTF-8, and SmolLM2 lacks them
    assert max(lengths[:-1]) > 1


def test_a_vocabulary_is_matched_with_itself_token_by_token() -> None:
    spelling = Spelling.of(PAIRS.tokenizer)
    ends = (PAIRS.end_of_turn, PAIRS.end_of_turn)
    assert matched_tokens(spelling, spelling, ends).tolist() == list(range(len(spelling.pieces)))


def test_tokens_are_matched_by_their_bytes_and_ends_of_turn_by_what_they_do() -> None:
    one = Spelling((b"a", b"b", b"<|end|>", b"", b"a", b"c"), frozenset())
    other = Spelling((b"a", b"</s>", b"a", b"b", b"<|end|>"), frozenset({0}))
    assert matched_tokens(one, other, (2, 1)).tolist() == [2, 3, 1, -1, 0, -1]
    assert matched_tokens(other, one, (1, 2)).tolist() == [4, 2, 0, 1, -1]


@given(
    st.lists(st.binary(max_size=2), min_size=1, max_size=12), st.lists(st.binary(max_size=2), min_size=1, max_size=12)
)
def test_matching_is_one_to_one_and_the_same_from_both_sides(mine: list[bytes], other: list[bytes]) -> None:
    left, right = Spelling(tuple(mine), frozenset()), Spelling(tuple(other), frozenset())
    forth, back = matched_tokens(left, right, (0, 0)), matched_tokens(right, left, (0, 0))
    pairs = {(int(k), int(v)) for k, v in enumerate(forth) if v >= 0}
    assert pairs == {(int(v), int(k)) for k, v in enumerate(back) if v >= 0}
    assert len({v for _, v in pairs}) == len(pairs)
    assert all(k == 0 or mine[k] == other[v] != b"" for k, v in pairs)
