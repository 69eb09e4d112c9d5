from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from lessons.hub import offline, unreachable_reason

STATUS = {
    "ok": (200, ""),
    "gated": (403, "GatedRepo"),
    "absent": (404, "RepoNotFound"),
    "empty": (404, "EntryNotFound"),
}


class Hub(BaseHTTPRequestHandler):
    """Answers as the hub does, by the name asked for."""

    def do_HEAD(self) -> None:
        status, code = next(answer for name, answer in STATUS.items() if f"some/{name}/" in self.path)
        self.send_response(status)
        self.send_header("ETag", '"abc"')
        self.send_header("X-Repo-Commit", "abc")
        self.send_header("Content-Length", "2")
        if code:
            self.send_header("X-Error-Code", code)
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        """Keep quiet."""


@pytest.fixture
def hub() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def asked(endpoint: str, *names: str) -> list[str]:
    """Ask in a fresh process: the library reads its settings once, when imported."""
    code = "import sys; from lessons.hub import unreachable_reason as r; [print(r(*n.split())) for n in sys.argv[1:]]"
    done = subprocess.run(
        [sys.executable, "-c", code, *names],
        capture_output=True,
        text=True,
        check=True,
        env={"HF_ENDPOINT": endpoint, "PATH": ""},
    )
    return done.stdout.splitlines()


def test_what_the_hub_says(hub: str) -> None:
    names = [
        "some/ok model",
        "some/ok dataset",
        "some/empty model",
        "some/empty dataset",
        "some/gated model",
        "some/absent model",
    ]
    assert asked(hub, *names) == [
        "None",
        "None",
        "it is on the hub, but holds no config.json.",
        "None",
        "it is gated: accept its licence on the hub and set HF_TOKEN.",
        "the hub has no such name (a private one needs HF_TOKEN).",
    ]


def test_no_hub_to_reach() -> None:
    assert "the hub cannot be reached" in asked("http://127.0.0.1:9", "some/ok model")[0]


def test_offline_by_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "true")
    assert offline()
    assert "HF_HUB_OFFLINE forbids" in str(unreachable_reason("some/model", "model"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    assert not offline()
