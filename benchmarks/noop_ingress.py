"""An ingress that reads its body and answers: what Serve itself costs, with the options of the product's own."""

from __future__ import annotations

from typing import Any, cast

from fastapi import FastAPI, Request, Response
from ray import serve as ray_serve

from serve.deployment.ingress import MAX_ONGOING, MAX_QUEUED


class NoOp:
    """Answers every POST."""

    def __serve_build_asgi_app__(self) -> FastAPI:
        """The application, built in the replica."""
        app = FastAPI(openapi_url=None)

        @app.post("/")
        async def noop(request: Request) -> Response:
            await request.body()
            return Response(b'{"ok":true}', media_type="application/json")

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
