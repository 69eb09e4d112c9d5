"""A teacher that repeats what was recorded: in a ledger, or in a table of annotations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import cast

from lessons.errors import ConfigError, DataError
from lessons.records import Annotation
from lessons.tables import read_annotations
from teachers.backend import JSON, Completion, FinishReason, Request, TeacherBackend
from teachers.calls.request_keys import RequestKeys, request_json
from teachers.ledger.ledger import Ledger

__all__ = ["NotRecorded", "ReplayBackend"]

CLOSING = dict.fromkeys(("rationale", "explanation", "steps", "reflection"), "Answer: {}")
CLOSING |= {"critique": "Verdict: {}", "difficulty": "Difficulty: {}", "grade_level": "Grade: {}"}
CLOSING |= {"task_type": "Type: {}", "comparison": "Harder: {}"}


class NotRecorded(LookupError):
    """The recording holds no reply to a request."""


class ReplayBackend(TeacherBackend):
    """Serves recorded completions and never calls anyone. A request that was not recorded fails.

    From a ledger a completion is found by the whole request, whoever answered it then; so templates and sampling must
    be those of the recording. From a table of annotations (lessons.parquet) it is found by prompt, kind and sample
    number, and is put together from the text and the answer.

    Args:
        recording: A ledger (.sqlite), or a table of annotations (.parquet).
        model: Only what this model wrote; "any" for all. Provenance shows the model that wrote each, either way.
    """

    gives = frozenset({"text", "seed", "schema"})

    def __init__(self, recording: str, model: str = "any") -> None:
        self.recording = recording
        self.wanted_model = model
        self.ledger: Ledger | None = None
        self.keys: list[tuple[RequestKeys, str]] = []
        self.table: dict[tuple[str, str, int], Annotation] | None = None

    @property
    def identity(self) -> JSON:
        """The recording and the model."""
        return {"provider": "replay", "endpoint": str(Path(self.recording).name), "model": self.wanted_model}

    def prepare(self) -> None:
        """Open the recording.

        Raises:
            ConfigError: It is neither a ledger nor a table, or holds nothing of the model.
        """
        if self.ledger is not None or self.table is not None:
            return
        if not Path(self.recording).is_file():
            raise ConfigError(
                f"No recording {self.recording}. It must be a ledger (.sqlite) or a table of annotations (.parquet). "
                "Correct the path."
            )
        if self.recording.endswith(".parquet"):
            self.table = self.read_table()
        else:
            self.open_ledger()

    def read_table(self) -> dict[tuple[str, str, int], Annotation]:
        """Read the annotations of the wanted model."""
        return {
            (found.prompt_id, found.kind, found.sample): found
            for found in read_annotations(self.recording)
            if self.wanted_model in ("any", found.provenance.model)
        }

    def open_ledger(self) -> None:
        """Open the ledger and prepare the keys of all backends that answered into it."""
        self.ledger = Ledger(self.recording).__enter__()
        identities = [(text, str(json.loads(text)["model"])) for text in self.ledger.identities()]
        chosen = [pair for pair in identities if self.wanted_model in ("any", pair[1])]
        if not chosen:
            self.ledger.close()
            self.ledger = None
            models = ", ".join(sorted({model for _, model in identities})) or "nothing at all"
            raise ConfigError(
                f"The recording {self.recording} holds nothing of the model {self.wanted_model!r}; it holds {models}. "
                "Choose one of these, or leave the model out."
            )
        self.keys = [(RequestKeys(json.loads(text)), model) for text, model in chosen]

    async def send(self, request: Request) -> JSON:
        """Find the recorded completion of a request."""
        self.prepare()
        if self.table is not None:
            return self.from_table(request, self.table)
        raw = self.from_ledger(request)
        if raw is None:
            raise NotRecorded(
                f"no recorded reply to this request (sample {request.sample}) in {self.recording}; templates and "
                "sampling must be those of the recording"
            )
        return raw

    def from_ledger(self, request: Request) -> JSON | None:
        """Find a reply by the request, under the key of any backend in the ledger."""
        canonical = request_json(request)
        for keys, model in self.keys:
            stored = self.ledger.get(keys.key(canonical)) if self.ledger is not None else None
            if stored is not None:
                tokens = {"input_tokens": stored.input_tokens, "output_tokens": stored.output_tokens}
                return {"recorded": stored.raw, "model": model, **tokens}
        return None

    def from_table(self, request: Request, table: dict[tuple[str, str, int], Annotation]) -> JSON:
        """Put a completion together from an annotation."""
        prompt, kind = request.metadata.get("prompt"), request.metadata.get("kind", "")
        found = table.get((prompt.id, kind, request.sample)) if prompt is not None else None
        if found is None:
            name = "an unknown prompt" if prompt is None else repr(prompt.id)
            raise NotRecorded(f"no recorded {kind} of {name}, sample {request.sample}, in {self.recording}")
        text = found.text
        if found.answer is not None and kind in CLOSING:  # also where a later check found a problem
            text = f"{text}\n{CLOSING[kind].format(found.answer)}".lstrip("\n")
        source = found.provenance
        tokens = {"input_tokens": source.input_tokens, "output_tokens": source.output_tokens}
        return {"text": text, "finish_reason": source.finish_reason or "stop", "model": source.model, **tokens}

    def read(self, raw: JSON) -> Completion:
        """Read a recorded completion, of either wire format."""
        if "recorded" in raw:
            found = read_any(raw["recorded"], raw["model"])
            return found._replace(answered_by=found.answered_by or raw["model"])
        reason = raw["finish_reason"] if raw["finish_reason"] in ("stop", "length", "refusal") else "stop"
        return Completion(
            text=raw["text"],
            finish_reason=cast("FinishReason", reason),
            input_tokens=raw["input_tokens"],
            output_tokens=raw["output_tokens"],
            model=raw["model"],
            answered_by=raw["model"],
        )

    async def aclose(self) -> None:
        """Close the ledger."""
        if self.ledger is not None:
            self.ledger.close()
            self.ledger = None


def read_any(raw: JSON, model: str) -> Completion:
    """Read a raw reply of whichever backend, told by its shape.

    Raises:
        DataError: The shape is unknown.
    """
    if "recorded" in raw:
        return read_any(raw["recorded"], raw["model"])
    if "member" in raw:
        return read_any(raw["reply"], raw["member"])._replace(answered_by=raw["member"])
    if "choices" in raw or "output" in raw:
        from teachers.hosted.openai_backend import OpenAIBackend

        return OpenAIBackend(model).read(raw)
    if "stop_reason" in raw:
        from teachers.hosted.anthropic_backend import AnthropicBackend

        return AnthropicBackend(model).read(raw)
    if "words_read" in raw:
        from teachers.scripted_backend import ScriptedBackend

        return ScriptedBackend(model).read(raw)
    if "text" in raw and "finish_reason" in raw:
        from teachers.local.transformers_backend import TransformersBackend

        return TransformersBackend(model).read(raw)
    raise DataError(
        f"A recorded reply has an unknown shape: fields {', '.join(sorted(raw))}. Replies of the backends of this "
        "package can be replayed; give a table of annotations instead."
    )
