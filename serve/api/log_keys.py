"""Custody of the logs' keys: listing, rotation, the end of an overlap, the freeze. For the operator alone."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from actors.log_custody import CustodyOrder, CustodyStep
from domain.tenancy import PLATFORM, TenantId
from serve.api.context import ApiContext, Caller, CallerOf, Context
from serve.problem import problem_responses

router = APIRouter(prefix="/chain/keys", tags=["chain"], responses=problem_responses(401, 403, 409, 422, 500, 503, 504))

OfPlatform = Annotated[bool, Query(description="The platform's own log instead of the tenant's")]


class OccasionBody(BaseModel):
    """Why, and who decided. Stands in the log for ever, so it names no person."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(min_length=1, max_length=300)
    by: str = Field(min_length=1, max_length=100, description="A role, such as role:key-custodian")


class EndBody(OccasionBody):
    """How an overlap ends."""

    withdraws_new: bool = Field(default=False, description="Retire the new pair; the former one is active again")


class FreezeBody(OccasionBody):
    """A freeze, which cannot be undone."""

    is_confirmed: bool = Field(default=False, description="Must be true")
    trusts_keys: bool = Field(default=False, description="The keys are good; otherwise they count for nothing")
    can_write: bool = Field(default=True, description="The log can still take and sign its last entry")


class LogKeyView(BaseModel):
    """A key of one tree of a log."""

    origin: str
    log: str
    key: str = Field(description="As in a policy file")
    status: str
    first_size: int = Field(description="Smallest tree that it may sign")
    last_size: int | None = Field(description="Largest tree that it may sign; none while it signs")
    frozen_at: str | None


class LogKeysView(BaseModel):
    """Keys of all logs, newest log first."""

    keys: list[LogKeyView]


@router.get("")
def keys(caller: CallerOf, context: Context, platform: OfPlatform = False) -> LogKeysView:
    """The keys of the logs, and what each is to its log."""
    tenant = _tenant(caller, platform)
    return LogKeysView(keys=[LogKeyView.model_validate(row) for row in context.platform.log_keys(tenant)])


@router.post("/rotations", status_code=201)
def rotation(body: OccasionBody, caller: CallerOf, context: Context, platform: OfPlatform = False) -> LogKeysView:
    """Add a new pair of keys to the newest log; the former pair signs beside it until the overlap is ended."""
    return _kept(context, _tenant(caller, platform), CustodyStep.ROTATE, body)


@router.post("/rotations/end", status_code=201)
def end(body: EndBody, caller: CallerOf, context: Context, platform: OfPlatform = False) -> LogKeysView:
    """Retire the former pair of keys, or withdraw the new one."""
    step = CustodyStep.WITHDRAW if body.withdraws_new else CustodyStep.END_OVERLAP
    return _kept(context, _tenant(caller, platform), step, body)


@router.post("/freezes", status_code=201)
def freeze(body: FreezeBody, caller: CallerOf, context: Context, platform: OfPlatform = False) -> LogKeysView:
    """Freeze the newest log for ever and begin its successor."""
    return _kept(context, _tenant(caller, platform), CustodyStep.FREEZE, body)


def _tenant(caller: Caller, is_platform: bool) -> TenantId:
    caller.require_operator()
    return PLATFORM if is_platform else caller.tenant


def _kept(context: ApiContext, tenant: TenantId, step: CustodyStep, body: OccasionBody) -> LogKeysView:
    more = body.model_dump(exclude={"reason", "by", "withdraws_new"})
    order = CustodyOrder(step, context.clock.now(), body.reason, body.by, **more)
    return LogKeysView(keys=[LogKeyView.model_validate(row) for row in context.platform.keep_keys(tenant, order)])
