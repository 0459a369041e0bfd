"""Every error body of the HTTP interface, and nothing else makes one.

Source: RFC 9457, Problem Details for HTTP APIs. `type` is a URN of the error's code, `detail` the sentence a person
reads, `todo` what to do next; the facts of the error stand under `facts`. What is our own fault tells the caller
only a number to quote; the rest goes to the log.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from http import HTTPStatus
from pathlib import PurePath
from traceback import format_exception

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from domain.clock import format_instant
from domain.errors import AccessDenied, PolicyCortexError, UnavailableError
from domain.value import Json

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:policycortex:problem:"
RETRY_AFTER_S = 5


class Problem(BaseModel):
    """An error, as RFC 9457 has it."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "type": TYPE_PREFIX + "not_found",
                "title": "Not Found",
                "status": 404,
                "detail": "no such resource",
                "code": "not_found",
                "todo": "Scan the export that holds it first",
                "facts": {"resource_id": "/subscriptions/1/resourceGroups/g"},
            }
        }
    )

    type: str = Field(description="URN of the error's code")
    title: str = Field(description="The status in words")
    status: int
    detail: str = Field(description="What failed")
    code: str = Field(description="Stable name of the kind of error")
    todo: str | None = Field(default=None, description="What to do next")
    facts: dict[str, object] = Field(default_factory=dict, description="What, where, expected, got")


def problem_of(error: BaseException) -> dict[str, Json]:
    """The body for any error; what is our own fault goes to the log and leaves only a number."""
    if not isinstance(error, PolicyCortexError):
        return _fault(error)
    if error.http_status >= HTTPStatus.INTERNAL_SERVER_ERROR and not error.is_retried:
        return _fault(error)
    hidden = {"todo", "retry_after_s", "status"}
    facts = {key: _shown(value) for key, value in error.facts.items() if key not in hidden}
    status, todo = error.facts.get("status", error.http_status), error.facts.get("todo")
    assert isinstance(status, int)
    return _body(status, error.code, error.summary, todo=str(todo) if todo else None, facts=facts)


def problem_response(error: Exception) -> JSONResponse:
    """The whole response for any error."""
    return _response(problem_of(error), _headers(error))


def install(app: FastAPI) -> None:
    """Let every error of the application, the framework's own among them, leave through this module."""
    app.add_exception_handler(PolicyCortexError, _handled(problem_response))
    app.add_exception_handler(RequestValidationError, _handled(_invalid))
    app.add_exception_handler(HTTPException, _handled(_framework))
    app.add_exception_handler(Exception, _handled(problem_response))


def problem_responses(*statuses: int) -> dict[int | str, dict[str, object]]:
    """OpenAPI rows for the problems that a route answers with."""
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in sorted(statuses)
    }


def _handled(
    handle: Callable[[Exception], Response],
) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def handler(_: Request, error: Exception) -> Response:
        return handle(error)

    return handler


def _invalid(error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    where: list[Json] = [
        {"where": ".".join(str(part) for part in found["loc"]), "problem": str(found["msg"])}
        for found in error.errors()
    ]
    todo = "Compare the request with /api/v2/openapi.json"
    return _response(_body(422, "invalid_input", "the request is not valid", todo=todo, facts={"errors": where}))


def _framework(error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    status = HTTPStatus(error.status_code)
    code = {404: "not_found", 405: "method_not_allowed"}.get(status, status.name.lower())
    detail = {404: "no such route", 405: "this route does not know the method"}.get(status, status.phrase)
    todo = "See /api/v2/openapi.json for routes and methods"
    return _response(_body(status, code, detail, todo=todo), error.headers)


def _fault(error: BaseException) -> dict[str, Json]:
    number = secrets.token_hex(6)
    structlog.get_logger("serve.problem").error("fault", number=number, trace="".join(format_exception(error)))
    code = error.code if isinstance(error, PolicyCortexError) else "fault"
    todo = "Search the platform's log for this number"
    return _body(500, code, "the platform failed", todo=todo, facts={"number": number})


def _headers(error: Exception) -> dict[str, str]:
    if isinstance(error, UnavailableError):
        return {"Retry-After": str(error.facts.get("retry_after_s", RETRY_AFTER_S))}
    if isinstance(error, AccessDenied):
        return {"WWW-Authenticate": "Bearer"}
    return {}


def _body(
    status: int, code: str, detail: str, *, todo: str | None = None, facts: Mapping[str, Json] | None = None
) -> dict[str, Json]:
    return {
        "type": TYPE_PREFIX + code,
        "title": HTTPStatus(status).phrase,
        "status": int(status),
        "detail": detail,
        "code": code,
        "todo": todo,
        "facts": dict(facts or {}),
    }


def _response(body: Mapping[str, Json], headers: Mapping[str, str] | None = None) -> JSONResponse:
    status = body["status"]
    assert isinstance(status, int)
    return JSONResponse(dict(body), status_code=status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


def _shown(value: object) -> Json:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, datetime):
        return format_instant(value)
    if isinstance(value, Mapping):
        return {str(key): _shown(part) for key, part in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_shown(part) for part in (sorted(value, key=str) if isinstance(value, (set, frozenset)) else value)]
    return str(value) if isinstance(value, PurePath) else repr(value)
