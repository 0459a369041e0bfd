"""How OpenAPI describes routes that read their bodies themselves, because they are asked too often, or for too much."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from serve.api.context import KEY_HEADER, KEY_LENGTH_MAX


def described(body: str, others: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Body, idempotency key and bearer token of a route.

    Args:
        body: name of the JSON body's schema.
        others: further media types with their schemas.
    """
    schema = {"schema": {"$ref": f"#/components/schemas/{body}"}}
    return {
        "security": [{"HTTPBearer": []}],
        "parameters": [
            {
                "name": KEY_HEADER,
                "in": "header",
                "required": False,
                "schema": {"type": "string", "minLength": 1, "maxLength": KEY_LENGTH_MAX},
                "description": "Repeats with the same key are the same request",
            }
        ],
        "requestBody": {"required": True, "content": {"application/json": schema, **(others or {})}},
    }
