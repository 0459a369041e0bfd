"""What every route needs: the platform, and who is calling."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from hashlib import sha256
from hmac import compare_digest
from pathlib import Path
from typing import Annotated, Final

from fastapi import Depends, Header, Request, Security, WebSocket
from fastapi.exceptions import RequestValidationError
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import AwareDatetime, TypeAdapter, ValidationError

from actors.drift_desk import TOPIC as DRIFT_TOPIC
from actors.evidence_place import EvidencePlace
from actors.folders import Folders
from domain.clock import Clock
from domain.errors import AccessDenied, InputError
from domain.tenancy import TenantId, tenant_id
from serve.api.roots import below_roots
from serve.auth.tokens import TokenRegistry
from serve.change_desk import ChangeDesk
from serve.drift_service import DriftService
from serve.feed_stream import FeedStream
from serve.operations import Operations
from serve.platform import Platform
from serve.predictions import Predictions
from serve.privacy import Protection
from serve.reporting import ReportService
from serve.roi import TOPIC as ROI_TOPIC
from serve.roi import RoiService
from serve.whatif import WhatIfService

TENANT_HEADER: Final = "PolicyCortex-Tenant"
KEY_HEADER: Final = "Idempotency-Key"
KEY_LENGTH_MAX: Final = 120
_INSTANT: Final = TypeAdapter[datetime](AwareDatetime)
_KEY: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,119}")


@dataclass(frozen=True)
class ApiContext:
    """One serving process.

    Args:
        operator_digest: SHA-256 of the key in the run file. Whoever can read that file has the rights of the
            account that started the platform, so the key may name any tenant and any path.
        allowed_roots: folders below which tenants' callers may name files.
    """

    platform: Platform
    operations: Operations
    reports: ReportService
    protection: Protection
    folders: Folders
    tokens: TokenRegistry
    clock: Clock
    allowed_roots: Sequence[Path]
    changes: ChangeDesk
    drift: DriftService
    predictions: Predictions
    operator_digest: bytes | None = None

    @cached_property
    def drift_stream(self) -> FeedStream:
        """Who listens to drift in this process."""
        return FeedStream(self.drift.feed, DRIFT_TOPIC, "/api/v2/drift/active")

    @cached_property
    def roi(self) -> RoiService:
        """The governance P&L of this platform."""
        return RoiService(self.platform, self.folders, self.clock, self.drift.feed)

    @cached_property
    def roi_stream(self) -> FeedStream:
        """Who listens to the ledger of savings in this process."""
        return FeedStream(self.drift.feed, ROI_TOPIC, "/api/v2/roi/savings")

    @cached_property
    def whatif(self) -> WhatIfService:
        """Projections of this platform."""
        return WhatIfService(self.platform, self.folders)

    @cached_property
    def place(self) -> EvidencePlace:
        """Where evidence is published."""
        return EvidencePlace(self.folders)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is calling: always one tenant."""

    tenant: TenantId
    is_operator: bool = False

    def require_operator(self) -> None:
        """Raise unless the platform's operator is calling.

        Raises:
            AccessDenied: a tenant is.
        """
        if not self.is_operator:
            raise AccessDenied(
                "only the platform's operator may do that", status=403, todo="Run the command where it was started"
            )

    def paths(self, context: ApiContext, paths: Sequence[str]) -> tuple[str, ...]:
        """The paths that this caller may name.

        Raises:
            InputError: one of them is outside the allowed roots.
        """
        return tuple(paths) if self.is_operator else below_roots(paths, context.allowed_roots)


def context_of(request: Request | WebSocket) -> ApiContext:
    """The context that the application was built with."""
    context = request.app.state.context
    assert isinstance(context, ApiContext)
    return context


async def _asked_context(request: Request) -> ApiContext:
    """The same as a dependency; one that is not async would cost each request a thread."""
    return context_of(request)


_BEARER = HTTPBearer(auto_error=False, description="The tenant's token: pcg token")


async def caller_of(
    context: Annotated[ApiContext, Depends(_asked_context)],
    credentials: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)],
    named_tenant: Annotated[str | None, Header(alias=TENANT_HEADER, include_in_schema=False)] = None,
) -> Caller:
    """The caller by bearer token.

    Raises:
        AccessDenied: there is no token, or nobody's.
    """
    return caller_by_token(context, None if credentials is None else credentials.credentials, named_tenant)


def caller_in(request: Request) -> Caller:
    """The caller by bearer token, for routes that are asked too often to resolve dependencies.

    Raises:
        AccessDenied: there is no token, or nobody's.
    """
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    is_bearer = scheme.lower() == "bearer" and bool(token)
    return caller_by_token(context_of(request), token if is_bearer else None, request.headers.get(TENANT_HEADER))


def idempotency_key_in(request: Request) -> str | None:
    """The caller's key, for the same routes.

    Raises:
        InputError: it is not of the form of keys.
    """
    key = request.headers.get(KEY_HEADER)
    if key is not None and _KEY.fullmatch(key) is None:
        raise InputError("the idempotency key is not valid", got=key[:KEY_LENGTH_MAX], expected=_KEY.pattern)
    return key


def instant_in(request: Request, name: str) -> datetime | None:
    """An instant of the query, for the same routes; None where it is not given.

    Raises:
        RequestValidationError: it is not an instant with its zone.
    """
    given = request.query_params.get(name)
    try:
        return None if given is None else _INSTANT.validate_python(given)
    except ValidationError as error:
        raise RequestValidationError([{**one, "loc": ("query", name)} for one in error.errors()]) from None


def caller_by_token(context: ApiContext, token: str | None, named_tenant: str | None) -> Caller:
    """The caller whose token it is.

    Raises:
        AccessDenied: there is no token, or nobody's.
    """
    if token is None:
        raise AccessDenied("a bearer token is needed", todo="Send: Authorization: Bearer $(pcg token)")
    digest = sha256(token.encode("utf-8", "surrogatepass")).digest()
    if context.operator_digest is not None and compare_digest(context.operator_digest, digest):
        if named_tenant is None:
            raise InputError("the operator must name a tenant", todo=f"Send the header {TENANT_HEADER}")
        return Caller(tenant_id(named_tenant), is_operator=True)
    return Caller(context.tokens.tenant_of(token))


Context = Annotated[ApiContext, Depends(_asked_context)]
CallerOf = Annotated[Caller, Depends(caller_of)]
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias=KEY_HEADER,
        min_length=1,
        max_length=KEY_LENGTH_MAX,
        pattern=f"^{_KEY.pattern}$",
        description="Repeats with the same key are the same request",
    ),
]
