"""An ingress that does nothing with what it reads and sends: what Serve itself costs, with the product's options."""

from __future__ import annotations

import asyncio
import time
from typing import Any, cast

from fastapi import FastAPI, Request, Response, WebSocket
from ray import serve as ray_serve

from serve.deployment.ingress import MAX_ONGOING, MAX_QUEUED


class NoOp:
    """Answers every POST, and sends the time at a rate to who listens."""

    def __serve_build_asgi_app__(self) -> FastAPI:
        """The application, built in the replica."""
        app = FastAPI(openapi_url=None)

        @app.post("/")
        async def noop(request: Request) -> Response:
            await request.body()
            return Response(b'{"ok":true}', media_type="application/json")

        @app.websocket("/ticks")
        async def ticks(socket: WebSocket, rate: int, count: int) -> None:
            await socket.accept()
            begun = time.time()
            for number in range(count):
                await asyncio.sleep(max(0.0, begun + number / rate - time.time()))
                await socket.send_json({"sent_s": time.time(), "padding": "x" * 900})
            await socket.close()

        return app


def noop_application() -> Any:
    """The application as Serve runs it."""
    deployment = cast("Any", ray_serve).deployment(ray_serve.ingress()(NoOp))
    options = deployment.options(
        name="noop",
        num_replicas=1,
        max_ongoing_requests=MAX_ONGOING,
        max_queued_requests=MAX_QUEUED,
        graceful_shutdown_wait_loop_s=0.1,
        graceful_shutdown_timeout_s=5.0,
        ray_actor_options={"num_cpus": 0},
    )
    return options.bind()
