"""Whether the process answers, and everything that it needs. Open to everybody; says nothing of tenants."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from domain.errors import IntegrityError, UnavailableError
from serve.api.context import context_of
from serve.api.models import HealthView
from serve.platform import Platform
from serve.predictions import Predictions

router = APIRouter(tags=["health"])


@router.get("/healthz")
def healthz() -> HealthView:
    """The process answers."""
    return HealthView(status="ok")


@router.get("/readyz")
def readyz(request: Request, response: Response) -> HealthView:
    """Every actor answers; 503 when one does not. A dead anchor target is shown and stops nothing."""
    context = context_of(request)
    platform = context.platform
    parts = platform.parts()
    is_ready = all(state == "ok" for state in parts.values())
    response.status_code = 200 if is_ready else 503
    return HealthView(
        status="ok" if is_ready else "unavailable", parts=parts, anchors=circuits(platform),
        retraining=retraining_stand(context.predictions),
    )  # fmt: skip


def retraining_stand(predictions: Predictions) -> str:
    """How the schedule of retrainings stands; unknown where what it keeps is damaged, which stops nothing else."""
    try:
        return predictions.retraining_stand()
    except IntegrityError:
        return "unknown"


def circuits(platform: Platform) -> dict[str, str]:
    """Each anchor target's circuit; nothing where the actor that knows does not answer."""
    try:
        return {target.name: target.circuit for target in platform.logs.upkeep().targets}
    except UnavailableError:
        return {}
