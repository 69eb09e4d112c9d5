"""A provider on this machine: answers chat completions and messages after a fixed delay. Its own process, so that it
does not share an interpreter with the client it measures."""

from __future__ import annotations

import asyncio
import sys

from aiohttp import web

REPLY = "12 and 30 make 42.\nAnswer: 42"


def application(latency_seconds: float) -> web.Application:
    """Build the server; every request is read whole, delayed and answered."""

    async def chat_completions(request: web.Request) -> web.Response:
        body = await request.json()
        await asyncio.sleep(latency_seconds)
        message = {"role": "assistant", "content": REPLY, "refusal": None}
        return web.json_response(
            {
                "id": "chatcmpl-1",
                "object": "chat.completion",
                "created": 0,
                "model": body["model"],
                "choices": [{"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}],
                "usage": {"prompt_tokens": 60, "completion_tokens": 14, "total_tokens": 74},
            }
        )

    async def messages(request: web.Request) -> web.Response:
        body = await request.json()
        await asyncio.sleep(latency_seconds)
        return web.json_response(
            {
                "id": "msg_1",
                "type": "message",
                "role": "assistant",
                "model": body["model"],
                "content": [{"type": "text", "text": REPLY}],
                "stop_reason": "end_turn",
                "stop_sequence": None,
                "usage": {"input_tokens": 60, "output_tokens": 14},
            }
        )

    app = web.Application()
    app.router.add_post("/v1/chat/completions", chat_completions)
    app.router.add_post("/v1/messages", messages)
    return app


async def serve(latency_seconds: float) -> None:
    """Serve on a free port until killed; print the port first."""
    runner = web.AppRunner(application(latency_seconds), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=1024)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1])))
