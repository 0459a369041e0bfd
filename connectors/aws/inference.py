"""Reading an answer of a call that no table knows, by its shape: which member lists resources, and what identifies one.

The noun is the call's name without its verb, the namespace the service's. Nothing is guessed without an identity: an
object without an ARN, id or name is a gap. What a call tells may be a part of the resource, so every absent path of
what is read here is unknown.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from connectors.aws.arn import account_of, last_of, region_of
from connectors.aws.operations import namespace
from connectors.observation import Document, Observation, tag_map
from domain.resource import Provider
from domain.value import Json

_VERB = re.compile(r"(?:BatchGet|BatchDescribe|Describe|List|Get|Search|View|Admin(?=Get|List))(?=[A-Z])")
_READS = re.compile(r"(BatchGet|BatchDescribe|Describe|List|Get|Search|Select|Lookup|View)[A-Z]")
_NO_RESOURCES = re.compile(
    r"Regions|AvailabilityZones|Metric|Findings|Insights|Events|Quota|Pricing|Products$|Price|InstanceTypes"
    r"|FoundationModel|EngineVersions|OrderableDB|OptionGroupOptions|Recommend|CallerIdentity|Summary$|Cost|Usage"
    r"|TrustedAdvisor|Log(Records|Streams)|Offerings|Limits|Attributes$|Compliance|CredentialReport|LastAccessed"
    r"|ChangeToken|Status$|Statistics|History|Forecast|AccountSettings|ListObjects|ObjectVersions|AccountAliases"
    r"|Health|Sessions|Executions?$|Cases|Preferences|PermissionSets?ProvisioningStatus|ManagedRuleGroup|Jobs?Runs?$"
    r"|Capacit(y|ies)Usage|AffectedEntities|Reservation(Coverage|Utilization)|SimulatePrincipal|Dimension|Anomal"
)
_AFTERTHOUGHT = re.compile(
    r"(Summar(y|ies)|Details?|Info(rmation)?|Descriptions?|List|Metadata|Results?|Configs?|V2|AsAdmin|Views?)$"
)
_ASPECT = re.compile(
    r"(Tags?|TagsForResource|TagsFor\w+|Policy|Policies\w*|Attributes?|Permissions?|Configuration|Settings?|Properties"
    r"|Selectors|Protection|Concurrency|Access|ForResource|ForWebACL|Members?|Targets|Grants|Aliases|Versions?"
    r"|VersionIds|Encryption|Logging|Schedule|Subscription\w*|BundledPolicies|Document)$"
)
_NOISE = re.compile(
    r"(responsemetadata|next(token|marker|page)?|nextpagetoken|marker|maxitems|maxresults|istruncated|position"
    r"|paginationtoken|quantity|total\w*|failures|errors?|unprocessed\w*|locktoken|etag|contenttype|isLastPage"
    r"|prefix|keymarker|delimiter|encodingtype|maxkeys|\w*errordetails|hasmore\w*|requestid|count|owner)",
    re.IGNORECASE,
)
_KEEP_PLURAL = ("status", "access", "settings", "address", "analysis", "dns", "aws", "alias", "series", "canvas")


def is_read(operation: str) -> bool:
    """Whether a call reads; other calls answer with nothing that is configuration."""
    return _READS.match(operation) is not None


def is_catalogue(operation: str) -> bool:
    """Whether a call answers with offers, events, findings or figures, not with resources."""
    return _NO_RESOURCES.search(operation) is not None


def is_aspect(operation: str) -> bool:
    """Whether a call tells one aspect of a resource that only its request names."""
    return _ASPECT.search(operation) is not None


@lru_cache(maxsize=4096)
def noun_of(operation: str) -> str:
    """`ListHostedZones` is about a `HostedZone`."""
    noun = _VERB.sub("", operation, count=1)
    return singular(_AFTERTHOUGHT.sub("", noun) or noun)


def singular(noun: str) -> str:
    """A noun's singular, as API names form plurals."""
    lowered = noun.lower()
    if lowered.endswith(_KEEP_PLURAL) or not lowered.endswith("s"):
        return noun
    if lowered.endswith("ies"):
        return noun[:-3] + "y"
    if lowered.endswith(("meshes", "batches", "branches", "patches", "sses", "boxes", "aliases", "proxies")):
        return noun[:-2]
    return noun[:-1]


def members(data: Document) -> list[tuple[str, list[Json]]]:
    """The lists in an answer that may hold resources, those whose members are objects or ARNs."""
    found: list[tuple[str, list[Json]]] = []
    for key, value in data.items():
        if _NOISE.fullmatch(key):
            continue
        if isinstance(value, dict) and "Quantity" in value:
            inner = value.get("Items")
            found.append((key, inner if isinstance(inner, list) else []))
        elif isinstance(value, list):
            found.append((key, value))
    return found


def own_object(data: Document, operation: str) -> Document | None:
    """The one object that a call about one resource answers with, or the answer itself where it is flat."""
    noun = noun_of(operation).lower()
    kept = {key: value for key, value in data.items() if not _NOISE.fullmatch(key)}
    objects = [(key, value) for key, value in kept.items() if isinstance(value, dict) and value]
    for key, value in objects:
        stem = _AFTERTHOUGHT.sub("", key[:1].upper() + key[1:]).lower()
        if stem and (stem == noun or noun.endswith(stem) or stem.endswith(noun)) and isinstance(value, dict):
            return value
    if len(objects) == 1 and len(kept) == 1 and isinstance(objects[0][1], dict):
        return objects[0][1]
    return kept or None


def observe(item: Json, service: str, noun: str, *, account: str = "", region: str = "") -> Observation | None:
    """One member of an answer as an observation; None where nothing identifies it."""
    if isinstance(item, str):
        if not item.startswith("arn:"):
            return None
        item = {"Arn": item}
    if not isinstance(item, dict):
        return None
    arn, identity, name = _identity(item, noun)
    type_ = f"AWS::{namespace(service)}::{noun[:1].upper()}{noun[1:]}"
    if not arn and not identity and not name:
        return None
    tags = tag_map(tags_of(item))
    account = account_of(arn) or account
    return Observation(
        provider=Provider.AWS,
        uid=arn or _local_uid(type_, identity or name),
        type=type_,
        name=name or tags.get("Name") or identity or last_of(arn),
        document=item,
        scope=f"/accounts/{account}" if account else "",
        region=region_of(arn) or region,
        tags=tags,
    )


def _local_uid(type_: str, identity: str) -> str:
    """An id of AWS is unique where it has digits and letters enough; a name is unique only within its type."""
    if re.fullmatch(r"[a-z]+-[0-9a-f]{8,17}|[0-9a-f-]{32,36}|https?://.+", identity):
        return identity
    return f"{type_}:{identity}"


def _identity(item: Document, noun: str) -> tuple[str, str, str]:
    """(ARN, id, name) of an object: its own, not those of what it refers to."""
    lowered = {key.lower(): value for key, value in item.items() if isinstance(value, str) and value}
    stem = noun.lower()
    stems = [stem, *(stem[cut:] for cut in range(1, len(stem) - 3))]
    arn = _first(lowered, ("arn", "resourcearn", *(f"{each}arn" for each in stems)))
    if not arn.startswith("arn:"):
        arn = _only_arn(lowered)
    identity = _first(lowered, ("id", *(f"{each}id" for each in stems), *(f"{each}identifier" for each in stems)))
    name = _first(lowered, ("name", *(f"{each}name" for each in stems), "displayname", "friendlyname"))
    if not arn and not identity and not name:
        identity = _only(lowered, "id")
        name = _only(lowered, "name")
    return arn, identity, name


def _only_arn(lowered: Mapping[str, str]) -> str:
    """The one ARN of an object that is not of a role, key or topic it uses."""
    found = [
        value
        for key, value in lowered.items()
        if key.endswith("arn") and value.startswith("arn:") and not re.search(r"role|kms|key|topic|target", key)
    ]
    return found[0] if len(found) == 1 else ""


def _only(lowered: Mapping[str, str], ending: str) -> str:
    found = [value for key, value in lowered.items() if key.endswith(ending)]
    return found[0] if len(found) == 1 else ""


def _first(lowered: Mapping[str, str], keys: tuple[str, ...]) -> str:
    for key in keys:
        if key in lowered:
            return lowered[key]
    return ""


def tags_of(item: Document) -> Json:
    """The tags of an object, under whichever key its API has them."""
    for key in ("Tags", "tags", "TagList", "TagSet", "tagSet", "tagList"):
        if item.get(key):
            return item[key]
    return None
