"""From conversations to token ids: the one place where chat templates are applied, for training and for inference."""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from lessons.errors import RenderingError
from lessons.records import Message

if TYPE_CHECKING:
    from students.heavy_types import PreTrainedTokenizerBase

__all__ = ["Encoded", "Encoder"]

Conversation = Sequence[Message]
PROBE = "answer"


class Encoded(NamedTuple):
    """One conversation as token ids."""

    prompt_ids: list[int]
    """Exactly what the model reads at inference: the template with its generation prompt."""
    completion_ids: list[int]
    """What it shall write after that, closed by the end-of-turn token."""


class Encoder:
    """A tokenizer with its chat template, and the checks that make training text equal inference text.

    The training sequence is the inference prompt followed by the completion and the end-of-turn token. The template's
    own rendering of the finished conversation must agree with that, or the lesson is refused.

    Args:
        tokenizer: A tokenizer with a chat template.
        template_arguments: Extra variables for the template, such as {"enable_thinking": false}.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, template_arguments: Mapping[str, Any] | None = None) -> None:
        self.tokenizer = tokenizer
        self.template_arguments = dict(template_arguments or {})

    @cached_property
    def end_of_turn(self) -> int:
        """Id of the special token that closes an answer in the template.

        Raises:
            RenderingError: There is no template, or it closes answers with ordinary text.
        """
        question = [Message("user", "question")]
        prompt, whole = self.texts([question])[0], self.texts([[*question, Message("assistant", PROBE)]], True)[0]
        tail = self.after(prompt, whole, PROBE)[1]
        special = self.special_ids
        for token in self.tokenize([tail])[0]:
            if token in special:
                return token
        raise RenderingError(
            f"The chat template closes an answer with {tail!r}, which holds no special token, so a student could never "
            "learn to stop. Allowed are templates that write a special token (such as eos_token) after an assistant's "
            "message. Give the student a `chat_template` that does."
        )

    @cached_property
    def special_ids(self) -> frozenset[int]:
        """Ids of all special tokens."""
        added = {number for number, token in self.tokenizer.added_tokens_decoder.items() if token.special}
        return frozenset(added | set(self.tokenizer.all_special_ids))

    @cached_property
    def vocabulary_size(self) -> int:
        """One more than the largest id the tokenizer knows; output layers are often padded to more rows."""
        return 1 + max(self.tokenizer.get_vocab().values())

    @property
    def stop_ids(self) -> list[int]:
        """Ids that end a generation: end of turn, and the tokenizer's end of sequence. Sorted."""
        return sorted({self.end_of_turn, self.tokenizer.eos_token_id} - {None})

    @property
    def pad_id(self) -> int:
        """Id to fill batches with. May equal an end token: masks go by length, never by this id."""
        found = self.tokenizer.pad_token_id
        return self.stop_ids[0] if found is None else int(found)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over vocabulary, template and template arguments: equal fingerprints encode alike."""
        digest = hashlib.sha256()
        for token, number in sorted(self.tokenizer.get_vocab().items(), key=lambda item: item[1]):
            digest.update(f"{number}\x1f{token}\x1e".encode())
        digest.update(repr((self.tokenizer.chat_template, sorted(self.template_arguments.items()))).encode())
        return digest.hexdigest()

    def prompt_ids(self, messages: Conversation) -> list[int]:
        """Return the ids a model reads before it answers this conversation."""
        return self.prompts([messages])[0]

    def completion_ids(self, messages: Conversation, text: str) -> list[int]:
        """Return the ids it shall write: `text` without outer whitespace, then the end-of-turn token."""
        return self.encode([(messages, text)])[0].completion_ids

    def prompts(self, conversations: Sequence[Conversation]) -> list[list[int]]:
        """Return the inference prompts of many conversations at once."""
        ids = self.tokenize(self.texts(conversations))
        for conversation, found in zip(conversations, ids, strict=True):
            self.refuse_unknown(found, "\n".join(m.content for m in conversation))
        return ids

    def encode(self, pairs: Sequence[tuple[Conversation, str]]) -> list[Encoded]:
        """Encode many (conversation, answer) pairs at once.

        Raises:
            RenderingError: An answer is empty, holds an end-of-turn token or a character unknown to the tokenizer, or
                the template renders the finished conversation differently from prompt and answer.
        """
        answers = [answer.strip() for _, answer in pairs]
        prompts = self.texts([messages for messages, _ in pairs])
        finished = [[*pair[0], Message("assistant", answer)] for pair, answer in zip(pairs, answers, strict=True)]
        wholes = self.texts(finished, finished=True)
        closing = str(self.tokenizer.convert_ids_to_tokens(self.end_of_turn))
        completions = []
        for prompt, whole, answer in zip(prompts, wholes, answers, strict=True):
            if not answer:
                raise RenderingError(
                    f"An answer to train on is empty (question ending {prompt[-80:]!r}). Every lesson needs text to "
                    "learn. Leave such lessons out."
                )
            lead, tail = self.after(prompt, whole, answer)
            completions.append(lead + answer + tail[: tail.index(closing) + len(closing)])
        return self.tokenized(prompts, completions)

    def tokenized(self, prompts: list[str], completions: list[str]) -> list[Encoded]:
        """Tokenise prompts and completions so that the prompt's ids are those seen at inference."""
        joint = self.tokenize([p + c for p, c in zip(prompts, completions, strict=True)])
        alone = self.tokenize(prompts)
        result = []
        for prompt_ids, ids, prompt, completion in zip(alone, joint, prompts, completions, strict=True):
            written = ids[len(prompt_ids) :]
            if ids[: len(prompt_ids)] != prompt_ids:
                # The tokenizer merged across the border. At inference the prompt is tokenised alone and the model goes
                # on from there, so its ids stay as they are and the completion is tokenised alone as well.
                written = self.tokenize([completion])[0]
            self.check(written, completion)
            self.refuse_unknown(prompt_ids, prompt)
            result.append(Encoded(prompt_ids, written))
        return result

    def tokens_of_start(self, completion_ids: list[int], start: str) -> int:
        """Return how many of the first tokens of a completion hold the text it starts with.

        A token that holds the end of that text and the beginning of what follows counts as well.
        """

        def holds(count: int) -> bool:
            return str(self.tokenizer.decode(completion_ids[:count])).lstrip().startswith(start)

        return bisect_left(range(len(completion_ids)), True, key=holds)

    def check(self, written: list[int], completion: str) -> None:
        """Refuse a completion that would teach to stop early, never to stop, or to write unknown tokens."""
        if written.count(self.end_of_turn) != 1 or written[-1] != self.end_of_turn:
            raise RenderingError(
                f"The answer {completion[:200]!r} holds the end-of-turn token inside its text or does not end with it; "
                "the student would learn to stop in the wrong place. Allowed is one such token, at the end. "
                "Remove the token's text from the teacher's answers."
            )
        self.refuse_unknown(written, completion)

    def refuse_unknown(self, ids: list[int], text: str) -> None:
        """Refuse text that the tokenizer cannot write; many tokenizers name an ordinary token 'unknown', those pass."""
        unknown = self.tokenizer.unk_token_id
        if unknown is None or unknown not in ids or unknown in (self.end_of_turn, self.tokenizer.bos_token_id):
            return
        for special in self.special_ids:
            text = text.replace(str(self.tokenizer.convert_ids_to_tokens(special)), "")
        characters = sorted({c for c in text if unknown in self.tokenize([c])[0]})
        raise RenderingError(
            f"The tokenizer has no token for {', '.join(map(repr, characters)) or 'a part'} in {text[:120]!r}. "
            "Every character of questions and answers must be known. Add them to the tokenizer's alphabet, or clean "
            "the data."
        )

    def texts(self, conversations: Sequence[Conversation], finished: bool = False) -> list[str]:
        """Apply the chat template: with its generation prompt, or to conversations that end with the answer."""
        if not self.tokenizer.chat_template:
            raise RenderingError(
                f"The tokenizer of this student ({type(self.tokenizer).__name__}) has no chat template, so questions "
                "cannot be told from answers. Needed is a Jinja template as instruction-tuned models carry. Choose an "
                "instruction-tuned model, or give the student a `chat_template` (text or path of a file)."
            )
        if not conversations:
            return []
        from jinja2 import TemplateError

        plain = [[{"role": m.role, "content": m.content} for m in messages] for messages in conversations]
        try:
            rendered = self.tokenizer.apply_chat_template(
                plain, tokenize=False, add_generation_prompt=not finished, **self.template_arguments
            )
        except TemplateError as error:
            roles = sorted({m.role for messages in conversations for m in messages})
            raise RenderingError(
                f"The chat template refuses these messages: {error}. They hold the roles {', '.join(roles)}. "
                "Change the messages to what the template allows (some know no system role), or give another template."
            ) from error
        return [str(text) for text in rendered]

    def tokenize(self, texts: list[str]) -> list[list[int]]:
        """Return the ids of texts that already hold every special token they need."""
        if not texts:
            return []
        ids: list[list[int]] = self.tokenizer(texts, add_special_tokens=False, verbose=False)["input_ids"]
        return ids

    @staticmethod
    def after(prompt: str, whole: str, answer: str) -> tuple[str, str]:
        """Return what the template writes between the prompt and the answer, and after the answer."""
        rest = whole[len(prompt) :]
        lead = rest[: len(rest) - len(rest.lstrip())]
        if whole.startswith(prompt) and rest[len(lead) :].startswith(answer):
            return lead, rest[len(lead) + len(answer) :]
        raise RenderingError(
            "The chat template renders a finished conversation differently from its own inference prompt: the prompt "
            f"ends with {prompt[-60:]!r}, the finished text goes on {whole[-len(answer) - 100 :]!r}. A student trained "
            "on the one would be asked with the other. Set the template's switches with `template_arguments` (for "
            "thinking models {enable_thinking: false}), or give another `chat_template`."
        )
