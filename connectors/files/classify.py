"""What a record is: take off its wrapper, then ask each provider's rules in an order in which none can take another's.

Recognition is by content. A recording's name counts only where the answer itself does not say which call it was.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import lru_cache

from connectors.aws import config as aws_config
from connectors.aws import normalize as aws
from connectors.azure import normalize as azure
from connectors.gcp import normalize as gcp
from connectors.kubernetes import normalize as kubernetes
from connectors.observation import Classified, Document, Envelope, Observation, gap, text
from connectors.terraform import normalize as terraform
from domain.clock import parse_instant
from domain.errors import InputError
from domain.inventory import RecordClass
from domain.value import Json

_WRAPPED = ("resource", "asset", "row", "data")
_OWN_KEYS = frozenset({"id", "arn", "kind", "selfLink", "asset_type", "assetType", "name", "type", "apiVersion",
                       "resourceType", "metadata", "ResponseMetadata", "lineage", "format_version"})  # fmt: skip
_DESCRIBING = frozenset({"api_version", "service", "operation", "parameters", "account", "region"})
_TODO = "Export it with the provider's own CLI, or name the call with --aws-operation"


def unwrap(body: Document, hint: str = "") -> Envelope:
    """A record without its wrapper: `{resource}`, `{asset}`, `{row}` or `{data}` beside keys that describe it."""
    for key in _WRAPPED:
        inner = body.get(key)
        if isinstance(inner, (dict, list)) and _OWN_KEYS.isdisjoint(body):
            envelope = Envelope(inner, _instant(text(body.get("captured_at"))), hint=text(body.get("file")) or hint)
            envelope.synthetic = body.get("synthetic") is True
            if not _DESCRIBING.isdisjoint(body):
                _describe(envelope, body)
            return envelope
    return Envelope(body, hint=hint)


def _describe(envelope: Envelope, body: Document) -> None:
    """What stands beside an answer of a call."""
    parameters = body.get("parameters")
    envelope.parameters = parameters if isinstance(parameters, dict) else {}
    envelope.api_version = text(body.get("api_version"))
    envelope.service, envelope.operation = text(body.get("service")), text(body.get("operation"))
    envelope.account, envelope.region = text(body.get("account")), text(body.get("region"))


@lru_cache(maxsize=65_536)
def _instant(given: str) -> datetime | None:
    if not given:
        return None
    try:
        return parse_instant(given)
    except InputError:
        return None


def classify(envelope: Envelope, *, aws_operation: str | None = None) -> Classified:
    """What a record is, and the resources in it."""
    body = envelope.body
    if isinstance(body, list):
        return _classify_members(body, envelope, aws_operation)
    if not isinstance(body, dict):
        return gap("json", "neither an object nor a list")
    if not body and not envelope.operation:
        return Classified(RecordClass.EMPTY, "json")
    found = _by_content(body, envelope)
    if found is None:
        found = _by_call(body, envelope, aws_operation)
    return found if found is not None else _by_shape(body, envelope)


_Rule = tuple[Callable[[Document], bool], Callable[[Document], Classified]]

_TELLING: tuple[_Rule, ...] = (
    (aws_config.is_item, aws_config.classify_item),
    (gcp.is_asset, gcp.classify_asset),
    (aws_config.is_snapshot, aws_config.classify_snapshot),
    (aws_config.is_query_answer, aws_config.classify_query_answer),
    (aws_config.is_notification, aws_config.classify_notification),
    (terraform.is_state, terraform.classify),
    (terraform.is_shown, terraform.classify),
)
"""Documents that say themselves what they are, whatever their envelope says."""

_SHAPES: tuple[_Rule, ...] = ((gcp.is_list, gcp.classify_plain_list), (gcp.is_object, gcp.classify_object))


def _by_content(body: Document, envelope: Envelope) -> Classified | None:
    """Documents that say themselves what they are."""
    if azure.is_resource(body) and not envelope.operation:
        return azure.classify_resource(body)
    for is_it, classify_it in _TELLING:
        if is_it(body):
            return classify_it(body)
    if kubernetes.is_list(body):
        return kubernetes.classify_list(body, envelope.account)
    if kubernetes.is_object(body):
        return kubernetes.classify_object(body, envelope.account)
    return None


def _by_call(body: Document, envelope: Envelope, aws_operation: str | None) -> Classified | None:
    """Answers whose call is recorded beside them, given by the user, or told by the recording's name."""
    service, operation, target = envelope.service, envelope.operation, ""
    if not operation and aws_operation:
        service, operation = aws.parse_operation(aws_operation)
    if not operation:
        recorded = body.get("service"), body.get("operation")
        if all(isinstance(each, str) for each in recorded) and isinstance(body.get("data"), dict):
            return None
        service, operation, target = aws.operation_from_hint(envelope.hint)
    if not operation or gcp.is_object(body):
        return None
    return aws.classify_answer(envelope, service, operation, target)


def _by_shape(body: Document, envelope: Envelope) -> Classified:
    """Answers that only their shape tells."""
    if azure.is_answer(body):
        return _classify_members(azure.answer_rows(body), envelope, None)
    for is_it, classify_it in _SHAPES:
        if is_it(body):
            return classify_it(body)
    service, operation = aws.guess_operation(body)
    if operation:
        return aws.classify_answer(envelope, service, operation)
    if aws_config.is_row(body):
        return aws_config.classify_item(body)
    if isinstance(body.get("FocusVersion"), str) or azure.is_catalogue(body):
        return Classified(RecordClass.CATALOGUE, "catalogue")
    return gap("json", "no provider's resource or answer is recognised in it", _TODO)


def classify_resource_of_call(envelope: Envelope) -> Classified:
    """A resource that was taken out of an AWS answer, with the call beside it."""
    body = envelope.body
    if isinstance(body, dict) and not aws_config.is_item(body):
        return aws.classify_member(body, envelope, envelope.service, envelope.operation)
    return classify(envelope)


def _classify_members(values: list[Json], envelope: Envelope, aws_operation: str | None) -> Classified:
    """A list of whatever kind: each member is classified by itself."""
    if not values:
        return Classified(RecordClass.EMPTY, "json")
    found: list[Observation] = []
    gaps: list[tuple[int, str]] = []
    formats: set[str] = set()
    kinds: set[RecordClass] = set()
    for number, value in enumerate(values, 1):
        inner = Envelope(value, envelope.captured_at, hint="", synthetic=envelope.synthetic)
        each = classify(inner, aws_operation=aws_operation) if not isinstance(value, list) else gap("json", "a list")
        found.extend(each.observations)
        formats.add(each.format)
        kinds.add(each.kind)
        if each.kind is RecordClass.GAP:
            gaps.append((number, each.reason))
    format_ = formats.pop() if len(formats) == 1 else "mixed"
    if kinds == {RecordClass.GAP}:
        return gap(format_, gaps[0][1], _TODO)
    kind = RecordClass.CATALOGUE if kinds <= {RecordClass.CATALOGUE, RecordClass.GAP} else RecordClass.LIST
    return Classified(kind, format_, tuple(found), gaps=tuple(gaps))
