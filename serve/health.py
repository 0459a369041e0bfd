"""Whether the process answers, and everything that it needs. Open to everybody; says nothing of tenants."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from serve.api.context import context_of
from serve.api.models import HealthView

router = APIRouter(tags=["health"])


@router.get("/healthz")
def healthz() -> HealthView:
    """The process answers."""
    return HealthView(status="ok")


@router.get("/readyz")
def readyz(request: Request, response: Response) -> HealthView:
    """Every actor answers; 503 when one does not."""
    parts = context_of(request).platform.parts()
    is_ready = all(state == "ok" for state in parts.values())
    response.status_code = 200 if is_ready else 503
    return HealthView(status="ok" if is_ready else "unavailable", parts=parts)
