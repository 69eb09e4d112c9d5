"""A real server on the loopback, through the real SDK; the server's model is a student of its own."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from outspoken import pupil, teacher

from lessons.errors import ConfigError, MissingSecret
from lightning_modules import OnPolicyDistillation, ReverseKL, SampledReverseKL, Sampling, ServedAnswers
from lightning_modules.sampling import Asked
from students import Generation, Pretrained, Student
from students.decoding import stream
from students.generation import continuations

LONGEST = 8


class Server(ThreadingHTTPServer):
    """Answers completions with a student, and takes new weights from a folder."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Wire)
        self.student = pupil()
        self.student.model  # noqa: B018 - built here, not by several threads at once
        self.tells_ids = True
        self.shift = 0
        self.asked: list[dict[str, Any]] = []
        self.reloads: list[str] = []
        self.lock = threading.Lock()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Wire(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            reply = self.complete(body) if self.path == "/v1/completions" else self.reload(body)
        text = json.dumps(reply).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def complete(self, body: dict[str, Any]) -> dict[str, Any]:
        self.server.asked.append(body)
        student = self.server.student
        settings = Generation(body["max_tokens"], body["temperature"], body["top_p"])
        draws = [stream(b"%d" % body["seed"], body["max_tokens"])]
        (tokens,) = continuations(student, [body["prompt"]], settings, draws)
        ended = tokens[-1] in student.encoder.stop_ids
        choice: dict[str, Any] = {"index": 0, "finish_reason": "stop" if ended else "length", "logprobs": None}
        choice["text"] = student.tokenizer.decode(tokens, skip_special_tokens=True)
        if self.server.tells_ids:
            choice["token_ids"] = [token + self.server.shift for token in tokens]
        return {"id": "1", "object": "text_completion", "created": 1, "model": body["model"], "choices": [choice]}

    def reload(self, body: dict[str, Any]) -> dict[str, Any]:
        assert self.path == "/update_weights_from_disk"
        self.server.reloads.append(body["model_path"])
        self.server.student = Student(Pretrained(body["model_path"]), precision="float32")
        self.server.student.model  # noqa: B018
        return {"success": True}

    def log_message(self, *arguments: Any) -> None:
        """Keep the tests' output clean."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as made:
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def asked(count: int) -> list[Asked]:
    prompts = [np.array([3 + k, 4, 5], np.int32) for k in range(count)]
    return [Asked(k, 0, 0, prompt, k, f"p{k}", 0, 1.0) for k, prompt in enumerate(prompts)]


def test_the_servers_ids_are_taken_as_they_are(server: Server) -> None:
    writer = ServedAnswers(f"{server.address}/v1", "student")
    sampling = Sampling(max_new_tokens=LONGEST, writer=writer)
    request = sampling.request(asked(8), 3)
    written = writer.write(pupil(), request)
    by_prompt = {tuple(body["prompt"]): body for body in server.asked}
    assert len(by_prompt) == 8
    for want, found in zip(request.asked, written, strict=True):
        body = by_prompt[tuple(want.prompt.tolist())]
        settings = Generation(LONGEST, 1.0)
        assert [found] == continuations(pupil(), [body["prompt"]], settings, [stream(b"%d" % body["seed"], LONGEST)])
        assert (body["return_token_ids"], body["top_k"], body["repetition_penalty"]) == (True, -1, 1.0)
        assert body["stop_token_ids"] == pupil().encoder.stop_ids
    assert writer.write(pupil(), request) == written  # equal seeds
    assert writer.write(pupil(), sampling.request(asked(8), 4)) != written


def test_texts_without_ids_are_tokenised_again_and_end_as_they_ended(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    writer = ServedAnswers(f"{server.address}/v1", "student")
    request = Sampling(max_new_tokens=24, writer=writer).request(asked(8), 3)
    exact = writer.write(pupil(), request)
    server.tells_ids = False
    with caplog.at_level(logging.WARNING, logger="lightning_modules"):
        again = writer.write(pupil(), request)
    assert caplog.text.count("gives no token ids: its texts are tokenised again") == 1
    special = pupil().encoder.special_ids
    stops = pupil().encoder.stop_ids
    assert any(tokens[-1] in stops for tokens in exact)
    for first, second in zip(exact, again, strict=True):
        assert [t for t in first if t not in special] == [t for t in second if t not in special]
        assert (first[-1] in stops) == (second[-1] in stops)


def test_in_training_the_server_is_given_the_students_weights(
    server: Server, data: Any, trainer: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Every second update: then its answers are those of the student in the run, else those of an older one."""
    same_weights = []

    class Watched(ServedAnswers):
        def write(self, student: Student, request: Any) -> list[list[int]]:
            written = super().write(student, request)
            mine, served = (some.model.state_dict() for some in (student, server.student))
            same_weights.append(all(torch.equal(mine[name], served[name]) for name in mine))
            return written

    folder, reload_url = tmp_path / "weights", f"{server.address}/update_weights_from_disk"
    writer = Watched(f"{server.address}/v1", "student", str(folder), reload_url, every_updates=2)
    module = OnPolicyDistillation(
        pupil(), teacher(), ReverseKL(), Sampling(max_new_tokens=LONGEST, writer=writer),
        optimizer=lambda parameters: torch.optim.SGD(parameters, lr=5.0),
    )  # fmt: skip
    with caplog.at_level(logging.INFO, logger="lightning_modules"):
        trainer(max_steps=4).fit(module, data(8))
    assert server.reloads == [str(folder)] * 2
    assert same_weights == [True, False, True, False]
    assert "Update 1 is answered by the student of update 0" in caplog.text
    assert "Update 3 is answered by the student of update 2" in caplog.text


def test_a_server_that_keeps_its_weights_is_called_out(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    writer = ServedAnswers(f"{server.address}/v1", "student")
    with caplog.at_level(logging.WARNING, logger="lightning_modules"):
        for update in range(3):
            writer.write(pupil(), Sampling(max_new_tokens=1).request(asked(1), update))
    assert caplog.text.count("keeps the weights it has: its answers grow older") == 1
    assert not writer.fresh
    with pytest.raises(ConfigError, match=r"from ServedAnswers.*no server that gets new weights less often"):
        SampledReverseKL().check(Sampling(writer=writer), 1.0)


def test_a_server_of_another_model_is_refused(server: Server) -> None:
    server.shift = 1000
    writer = ServedAnswers(f"{server.address}/v1", "student")
    with pytest.raises(ConfigError, match=r"wrote the token id 1\d\d\d; the student's tokenizer knows ids below 77"):
        writer.write(pupil(), Sampling(max_new_tokens=4).request(asked(2), 0))


def test_the_key_is_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SAMPLING_KEY", raising=False)
    writer = ServedAnswers("http://127.0.0.1:1/v1", "student", api_key_variable="SAMPLING_KEY")
    with pytest.raises(MissingSecret, match=r"SAMPLING_KEY is not set; sampling.writer.*Export it"):
        writer.write(pupil(), Sampling(max_new_tokens=1).request(asked(1), 0))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"weights_folder": "w"}, r"weights_folder 'w' and reload_url None.*Give the other one"),
        ({"every_updates": 0}, r"every_updates = 0, calls_at_once = 32 and retries = 4. Allowed"),
        ({"calls_at_once": 0}, r"calls_at_once = 0"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Sampling(writer=ServedAnswers("http://127.0.0.1:1/v1", "student", **settings)).check()
