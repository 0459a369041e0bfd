"""Secrets are removed from a document before anything else sees it.

Three rules, each leaving `[removed: reason]` in place of the value: a key that names a secret; a value that looks like
one; a member of a pair (`{"name": "DB_PASSWORD", "value": …}`) whose name names one. References to secrets (ARNs,
vault links, ids, names) and switches are not secrets. JSON inside a string is read and cleaned as well.
What a provider or Terraform marks as sensitive is removed by its normaliser with `removed`.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import orjson

from domain.value import Json

NAMED = "[removed: its key names a secret]"
LOOKS_LIKE = "[removed: looks like {}]"
_RANDOM_REMOVED = LOOKS_LIKE.format("a key, its characters are random")
SENSITIVE = "[removed: marked sensitive]"

_DEPTH_MAX = 200
_JSON_TEXT_BYTES_MAX = 1 << 20

_NAMES_SECRET = re.compile(
    r"passw(or)?d|passwd|passphrase|(^|[^a-z])pwd|secret|token$|connectionstring|conn(ection)?str$|accountkey"
    r"|private_?key|shared_?key|access_?key$|api_?key$|auth_?key$|authorizationkey|master_?key$|encryption_?key_?material"
    r"|storage_?key$|primary_?key$|secondary_?key$|sas_?(token|url|uri|key)|^sas$|_sas$|credentials?$|client_?key_?data"
    r"|kubeconfig|webhook_?url$|signing_?key$|privatekeydata"
)
_NAMES_NO_SECRET = re.compile(
    r"(id|ids|arn|arns|name|names|uri|ref|refs|version|versions|type|status|state|count|enabled|required|source|date"
    r"|time|policy|length|age|rotation|reuse|last(used|changed|rotated|accessed)|expiration|expiry|ttl|days|mode"
    r"|algorithm|list|url|size|stages|format|provider|method|location|period|lastset|setting|settings)$"
    r"|^(next|pagination|continuation|lock|change|clientrequest|client|creation|sync|page|skip|idempotency)_?token$"
    r"|^(has|is|allow|enable|disable|use|require|no|supports?|generate|rotate)[A-Z_]|secretmanager|secretsmanager"
)
_REFERENCE = re.compile(
    r"arn:|/subscriptions/|projects/|organizations/|//|\{\{resolve:|\$\{|@Microsoft\.KeyVault|https://[\w.-]+/?(secrets/"
    r"|keys/|v1/projects/)[\w./-]*$|https://[\w-]+\.vault|\[removed|\*+$|<[\w -]+>$|(true|false|enabled|disabled|none"
    r"|null|required|optional|default)$",
    re.IGNORECASE,
)

_SHAPES: Final[tuple[tuple[str, re.Pattern[str]], ...]] = (
    ("a private key", re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY")),
    ("a signed token", re.compile(r"\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]*")),
    ("an access key", re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b.{0,40}?[^A-Za-z0-9/+][A-Za-z0-9/+]{40}\b", re.DOTALL)),
    ("a connection string", re.compile(r"(?:Account|SharedAccess|Primary|Secondary)Key=[^;\s]{8,}", re.IGNORECASE)),
    ("a connection string", re.compile(r"(?:password|pwd)\s*=\s*[^;\s&\"'$<{]{3,}", re.IGNORECASE)),
    (
        "a signed link",
        re.compile(r"[?&](?:sig|X-Amz-Signature|X-Goog-Signature|Signature|sharedaccesssignature)=", re.I),
    ),
    ("a link with a password", re.compile(r"[a-z][a-z0-9+.-]*://[^/\s:@\"']*:[^/\s@\"'$<{]+@", re.IGNORECASE)),
    (
        "a provider's key",
        re.compile(r"\b(?:ghp|gho|ghs|ghu)_[A-Za-z0-9]{30,}|\bxox[abprs]-[\w-]{10,}|\bAIza[\w-]{35}\b"),
    ),
    ("a provider's key", re.compile(r"\bsk_live_[A-Za-z0-9]{16,}|\bglpat-[\w-]{20}\b|\bSG\.[\w-]{20,}\.[\w-]{20,}")),
)
_NEEDLES = re.compile(rb'PRIVATE KEY|A(?:KIA|SIA|Iza)|SG\.|xox|\\"|gh[posu]_|glpat-|_live_|eyJ')
"""Rare first letters: one pass over the bytes is then faster than a search for each."""

_ENCODED_NEEDLES: Final[tuple[bytes, ...]] = (b"userdata", b"user_data", b"customdata", b"custom_data")
_ASSIGNED = re.compile(rb"(?:key|sig|signature)=|(?:password|pwd)(?:[\s\x80-\xff]|\\[a-z]|\\u[0-9a-f]{4})*=")
"""On lower-case JSON: white space may stand there as itself, escaped, or as bytes beyond ASCII."""

_LINK_WITH_PASSWORD = re.compile(rb"://[^/\s:@\"]*:[^/\s@\"]+@")

_PAIR_NAMES = ("name", "Name", "key", "Key", "ParameterKey", "OptionName", "parameterName")
_PAIR_VALUES = ("value", "Value", "ParameterValue", "parameterValue", "string", "default")
_PAIR_VALUE_SET = frozenset(_PAIR_VALUES)
_STRUCTURED = frozenset({dict, list, int})
_ABOUT = frozenset({"path", "audience", "optional", "items", "namespace", "certificatestore", "certificateurl"})
_ENCODED_KEYS = frozenset({"userdata", "user_data", "customdata", "custom_data", "user_data_base64"})


def removed(reason: str = "marked sensitive") -> str:
    """What stands where a secret was."""
    return f"[removed: {reason}]"


@dataclass(frozen=True, slots=True)
class Cleaned:
    """A clean document's canonical bytes, and whether anything had to be removed."""

    content: bytes
    is_changed: bool


def clean(document: dict[str, Json]) -> Cleaned:
    """Remove every secret from a document, in place."""
    is_changed = _by_key(document, 0)
    content = orjson.dumps(document, option=orjson.OPT_SORT_KEYS)
    if _is_suspicious(content) and _by_value(document, 0):
        return Cleaned(orjson.dumps(document, option=orjson.OPT_SORT_KEYS), is_changed=True)
    return Cleaned(content, is_changed)


def clean_text(value: str) -> str:
    """A line of text, such as an error message, without what looks like a secret."""
    shape = _looks_like(value)
    return LOOKS_LIKE.format(shape) if shape else value


def remove_all(value: Json, reason: str = "marked sensitive") -> Json:
    """The same structure with every text and number replaced."""
    if isinstance(value, dict):
        return {key: remove_all(each, reason) for key, each in value.items()}
    if isinstance(value, list):
        return [remove_all(each, reason) for each in value]
    return value if value is None or isinstance(value, bool) else removed(reason)


@lru_cache(maxsize=65_536)
def names_secret(key: str) -> bool:
    """Whether the value under this key is a secret by its name."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", key).lower()
    flat = re.sub(r"[^a-z0-9]", "", words)
    is_named = _NAMES_SECRET.search(words) or _NAMES_SECRET.search(flat)
    return is_named is not None and _NAMES_NO_SECRET.search(key) is None and _NAMES_NO_SECRET.search(flat) is None


def _by_key(node: dict[str, Json] | list[Json], depth: int) -> bool:
    """First pass: keys, pairs, and text of high entropy. Says whether anything was changed."""
    if depth > _DEPTH_MAX:
        raise RecursionError
    if isinstance(node, list):
        changes = [_by_key(each, depth + 1) for each in node if isinstance(each, (dict, list))]
        return True in changes
    changed = _pair(node) if not _PAIR_VALUE_SET.isdisjoint(node) else False
    for key, value in node.items():
        if isinstance(value, str):
            replaced = _by_its_key(key, value)
            if replaced is not value:
                node[key], changed = replaced, True
        elif value.__class__ in _STRUCTURED and names_secret(key):
            kept = (
                _number_below(key, value)
                if value.__class__ is int
                else _secrets_below(value, may_be_names="ecret" in key)
            )
            changed |= kept != value
            node[key] = kept
        elif isinstance(value, (dict, list)):
            changed |= _by_key(value, depth + 1)
    return changed


def _by_its_key(key: str, value: str) -> str:
    if names_secret(key):
        return value if _is_reference(value) else NAMED
    if len(value) >= 32 and _is_random(key, value):
        return _RANDOM_REMOVED
    return value


def _pair(node: dict[str, Json]) -> bool:
    """A name beside a value: the name says what the value is."""
    names = [name for name in (node.get(key) for key in _PAIR_NAMES) if isinstance(name, str)]
    is_marked = "securestring" in {str(node.get("Type")).lower(), str(node.get("type")).lower()}
    if not is_marked and not any(names_secret(name) for name in names):
        return False
    changed = False
    for key in _PAIR_VALUES:
        value = node.get(key)
        if isinstance(value, str) and value and (is_marked or not _is_reference(value)):
            node[key], changed = SENSITIVE if is_marked else NAMED, True
    return changed


def _number_below(key: str, value: Json) -> Json:
    """A number is a secret where its key says password; elsewhere it counts or limits something."""
    return NAMED if "pass" in key.lower() else value


def _secrets_below(value: Json, *, may_be_names: bool) -> Json:
    """Values below a key that names secrets; what names, places or points to them stays."""
    if isinstance(value, dict):
        return {
            key: each if _is_about(key) else _secrets_below(each, may_be_names=False) for key, each in value.items()
        }
    if isinstance(value, list):
        return [
            each
            if may_be_names and isinstance(each, str) and _PLAIN_NAME.fullmatch(each)
            else _secrets_below(each, may_be_names=may_be_names)
            for each in value
        ]
    return NAMED if isinstance(value, str) and not _is_reference(value) else value


_PLAIN_NAME = re.compile(r"[a-z][a-z0-9.-]{0,62}")


@lru_cache(maxsize=65_536)
def _is_about(key: str) -> bool:
    """Whether a key below one that names secrets tells about the secret, and is not its value."""
    flat = re.sub(r"[^a-z0-9]", "", key.lower())
    return key in _PAIR_NAMES or flat in _ABOUT or _NAMES_NO_SECRET.search(flat) is not None


def _is_reference(value: str) -> bool:
    return not value or _REFERENCE.match(value) is not None


def _is_suspicious(content: bytes) -> bool:
    """Whether the second, slower pass is worth it: one look at the bytes instead of one at each value."""
    if _NEEDLES.search(content) is not None:
        return True
    lowered = content.lower()
    if any(needle in lowered for needle in _ENCODED_NEEDLES):
        return True
    if b"=" in lowered and _ASSIGNED.search(lowered) is not None:
        return True
    return b"@" in content and b"://" in content and _LINK_WITH_PASSWORD.search(content) is not None


def _by_value(node: Json, depth: int) -> bool:
    """Second pass: the shape of each text. Says whether anything was changed."""
    if depth > _DEPTH_MAX:
        raise RecursionError
    changed = False
    if isinstance(node, dict):
        for key, value in node.items():
            if isinstance(value, str):
                cleaned = _clean_value(key, value)
                if cleaned is not value:
                    node[key], changed = cleaned, True
            else:
                changed |= _by_value(value, depth + 1)
        changed |= _clean_keys(node)
    elif isinstance(node, list):
        for index, value in enumerate(node):
            if isinstance(value, str):
                cleaned = _clean_value("", value)
                if cleaned is not value:
                    node[index], changed = cleaned, True
            else:
                changed |= _by_value(value, depth + 1)
    return changed


def _clean_keys(node: dict[str, Json]) -> bool:
    """A secret can be a key too: a tag's name, an environment's variable."""
    bad = [key for key in node if len(key) >= 20 and _looks_like(key)]
    for key in bad:
        node[LOOKS_LIKE.format(_looks_like(key))] = node.pop(key)
    return bool(bad)


def _clean_value(key: str, value: str) -> str:
    if len(value) < 8:
        return value
    if value[0] in "{[" and '"' in value and len(value) <= _JSON_TEXT_BYTES_MAX:
        cleaned = _clean_json_text(value)
        if cleaned is not None:
            return cleaned
    shape = _looks_like(value)
    if shape:
        return LOOKS_LIKE.format(shape)
    if key.lower() in _ENCODED_KEYS:
        shape = _looks_like(_decoded(value)) or _assigns_secret(_decoded(value))
        return LOOKS_LIKE.format(f"{shape}, encoded") if shape else value
    return value


def _clean_json_text(value: str) -> str | None:
    """The same JSON text without secrets; None where it is not JSON, the text itself where nothing was there."""
    try:
        inner = orjson.loads(value)
    except orjson.JSONDecodeError:
        return None
    before = orjson.dumps(inner, option=orjson.OPT_SORT_KEYS)
    holder: dict[str, Json] = {"": inner}
    _by_key(holder, 0)
    _by_value(holder, 0)
    after = orjson.dumps(holder[""], option=orjson.OPT_SORT_KEYS)
    return value if after == before else after.decode()


def _looks_like(value: str) -> str:
    """The kind of secret that a text looks like; empty where it does not."""
    for name, pattern in _SHAPES:
        if pattern.search(value):
            return name
    return ""


def _assigns_secret(script: str) -> str:
    """Whether a script sets a variable whose name names a secret."""
    for match in re.finditer(r"\b([A-Za-z_][\w-]*)\s*[=:]\s*[\"']?([^\s\"'$<{]{4,})", script):
        if names_secret(match[1]) and not _is_reference(match[2]):
            return "a script that sets a secret"
    return ""


def _decoded(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode(errors="replace")
    except (binascii.Error, ValueError):
        return value


def _is_random(key: str, value: str) -> bool:
    """Whether a text is a key by its characters: one word of mixed letters and digits without a pattern."""
    if len(value) > 512 or not (value.isalnum() or value[-1] == "=" or "+" in value or "/" in value):
        return False
    if value[0] == "/" or " " in value or "." in value or ":" in value or "-" in value:
        return False
    return _RANDOM.fullmatch(value) is not None and not _is_public(key) and _entropy(value) >= 4.3


_RANDOM = re.compile(r"(?=.*[a-z])(?=.*[A-Z])(?=(?:.*\d){3})[A-Za-z0-9+/_]{32,}={0,2}")


_NAMES_PUBLIC = re.compile(
    r"sha|hash|digest|etag|finger|thumb|public|cert|cursor|next|id$|name$|md5|checksum|crc|ca$|data$|body$|marker"
    r"|revision|selflink|link$|modulus|caller|reference|path"
)


@lru_cache(maxsize=65_536)
def _is_public(key: str) -> bool:
    """Whether a key's values are random but no secrets: hashes, certificates, public keys, cursors, ids."""
    return _NAMES_PUBLIC.search(key.lower()) is not None


def _entropy(value: str) -> float:
    counts = Counter(value)
    return -sum(n / len(value) * math.log2(n / len(value)) for n in counts.values())
