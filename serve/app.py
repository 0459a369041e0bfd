"""The HTTP application, built by a function so that a test client needs no server and Serve none of this at import."""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI
from starlette.routing import Route

from serve.api import (
    chain,
    changes,
    compliance,
    costs,
    drift,
    evidence,
    impact,
    log_files,
    log_keys,
    log_operations,
    operations,
    policy_bundles,
    predictions,
    reports,
    resources,
    roi,
    scans,
    simulator,
    streams,
    whatif,
)
from serve.api.context import ApiContext
from serve.api.evidence_models import BatchBody, CollectBody, EventBody
from serve.health import router as health_router
from serve.limits import RequestLimits
from serve.problem import Problem, install

PREFIX: Final = "/api/v2"
DESCRIPTION: Final = """\
Everything but `/healthz` and `/readyz` needs the tenant's bearer token (`pcg token`). Another tenant's id answers 404.
Errors are RFC 9457 problems. Changing calls take an `Idempotency-Key`; long work answers 202 with an operation.
"""


def build_app(context: ApiContext | None) -> FastAPI:
    """The application over a platform; without a context it only describes itself."""
    app = FastAPI(
        title="PolicyCortex",
        version="2",
        description=DESCRIPTION,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.context = context
    app.add_middleware(RequestLimits)
    install(app)
    for router in (
        evidence.router,
        chain.router,
        log_keys.router,
        log_operations.router,
        predictions.router,
        operations.router,
        simulator.router,
        whatif.router,
        roi.router,
        impact.router,
        costs.router,
        log_files.router,
        reports.router,
        policy_bundles.router,
        scans.router,
        resources.router,
        compliance.router,
        compliance.findings_router,
        changes.router,
        drift.router,
    ):
        app.include_router(router, prefix=PREFIX)
    app.include_router(health_router)
    app.include_router(streams.router)
    _shorten(app)
    _describe_problems(app)
    return app


def _shorten(app: FastAPI) -> None:
    """Let the routes that are asked most be found first and called without the framework's dependencies.

    They read their requests themselves and answer with finished responses; the framework describes them as before.
    """
    hot = (
        ("POST", "/evidence/collect", evidence.collect),
        ("POST", "/evidence/batch", evidence.batch),
        ("GET", "/predictions/{resource_id:path}/timeline", predictions.timeline_asked),
    )
    app.router.routes[:0] = [Route(PREFIX + path, endpoint, methods=[method]) for method, path, endpoint in hot]


def openapi_document() -> dict[str, Any]:
    """The OpenAPI document, without starting anything."""
    return build_app(None).openapi()


def _describe_problems(app: FastAPI) -> None:
    """Add the problem's schema, and show it for 422 as well, where the framework would show its own."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        document = generate()
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        schemas["Problem"] = Problem.model_json_schema()
        for body in (CollectBody, BatchBody, EventBody):
            schema = body.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas |= schema.pop("$defs", {})
            schemas[body.__name__] = schema
        for name in ("HTTPValidationError", "ValidationError"):
            schemas.pop(name, None)
        return document

    app.openapi = openapi  # type: ignore[method-assign]
