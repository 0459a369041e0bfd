"""The tenant's published logs as static files, for clients of the C2SP formats."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Path, Response

from serve.api.context import CallerOf, Context
from serve.log_files import BYTES, TEXT, published_file
from serve.problem import problem_responses

router = APIRouter(prefix="/log", tags=["log"], responses=problem_responses(401, 404, 422, 500))

_CONTENT = {"content": {TEXT.partition(";")[0]: {}, BYTES: {}}, "description": "The file"}


@router.get("/{log_path:path}", response_class=Response, responses={200: _CONTENT, 304: {"description": "Unchanged"}})
def log_file(
    log_path: Annotated[str, Path(description="Origin, then checkpoint, tile/…, sha3/…, artifact/… or verifier_keys")],
    caller: CallerOf,
    context: Context,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """A file of one of the tenant's logs, as C2SP tlog-tiles names it. Tiles and artifacts never change."""
    found = published_file(context.place, context.folders, caller.tenant, log_path)
    headers = {
        "ETag": found.etag,
        "Cache-Control": found.cache_control,
        "Vary": "Authorization",
        "X-Content-Type-Options": "nosniff",
    }
    if if_none_match is not None and found.etag in {tag.strip() for tag in if_none_match.split(",")}:
        return Response(status_code=304, headers=headers)
    return Response(found.content, media_type=found.media_type, headers=headers)
