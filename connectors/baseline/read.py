"""Files to baselines: recognised by content, never by name.

What belongs together is read together: a CloudFormation template with the answers about its stack, an ARM template with
its parameters and its deployment. Give the files of one stack at a time, or a folder for each.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Final

import orjson

from connectors.aws.config import instant
from connectors.baseline import arm, cloudformation, pulumi, snapshot, terraform
from connectors.baseline.parts import baseline
from connectors.files import read_inputs
from connectors.observation import Document, text
from domain.drift import Baseline, BaselineSource, Declared
from domain.errors import InputError
from domain.inventory import Gap
from domain.tenancy import TenantId

SIZE_BYTES_MAX: Final = 256 << 20
_EXPECTED: Final = (
    "a Terraform state or plan (terraform show -json), a CloudFormation template with its stack, "
    "an ARM template, or a Pulumi stack export"
)
_TODO: Final = "Export it again; see docs/drift.md for the commands"


@dataclass(slots=True)
class _Sorted:
    """Documents by what they are."""

    terraform: list[tuple[Document, str, BaselineSource]] = field(default_factory=list)
    stacks: list[tuple[Document, str]] = field(default_factory=list)
    answers: list[Document] = field(default_factory=list)
    arm: list[tuple[Document, str]] = field(default_factory=list)
    deployments: list[Document] = field(default_factory=list)
    pulumi: list[tuple[Document, str]] = field(default_factory=list)

    def put(self, body: Document, file: str) -> bool:
        """Take a document; False where it is none of these."""
        source = terraform.source_of(body)
        if source is not None:
            self.terraform.append((body, file, source))
        elif pulumi.is_export(body):
            self.pulumi.append((body, file))
        elif arm.is_template(body):
            self.arm.append((body, file))
        elif arm.is_parameters(body) or arm.is_deployment(body):
            self.deployments.append(body)
        elif cloudformation.is_template(body):
            self.stacks.append((body, file))
        elif cloudformation.is_answer(body):
            self.answers.append(body)
        else:
            return False
        return True


def read_baselines(paths: Sequence[str], *, name: str | None = None) -> tuple[Baseline, ...]:
    """Read the baselines that files declare.

    Args:
        name: of the baseline, where the files declare one; else it is the file's name.

    Raises:
        InputError: a file cannot be read, is none of the formats, or several baselines would have one name.
    """
    found = _Sorted()
    for file in _files(paths):
        body = _document(file)
        if not found.put(body, str(file)):
            raise InputError("not a baseline", where=str(file), expected=_EXPECTED, todo=_TODO)
    baselines = list(_baselines(found))
    if not baselines:
        raise InputError("no baseline among the files", where=" ".join(paths), expected=_EXPECTED, todo=_TODO)
    if name is None:
        return _distinct(baselines)
    if len(baselines) > 1:
        raise InputError(
            "one name for several baselines", name=name, got=len(baselines), todo="Import them one by one, or unnamed"
        )
    return (replace(baselines[0], name=name),)


def approve(paths: Sequence[str], *, tenant: TenantId, name: str) -> Baseline:
    """The resources of an export, approved as they are."""
    inventory = read_inputs(paths, tenant=tenant).inventory
    times = [item.captured_at for item in inventory.items if item.captured_at is not None]
    return baseline(
        name,
        BaselineSource.SNAPSHOT,
        snapshot.read(inventory.items),
        declared_at=max(times, default=None),
        gaps=inventory.gaps,
    )


def _baselines(found: _Sorted) -> Iterable[Baseline]:
    for body, file, source in found.terraform:
        yield _made(file, source, terraform.read(body, file), instant(body.get("timestamp")))
    for body, file in found.pulumi:
        deployment = body.get("deployment")
        manifest = deployment.get("manifest") if isinstance(deployment, dict) else None
        at = instant(manifest.get("time")) if isinstance(manifest, dict) else None
        yield _made(file, BaselineSource.PULUMI, pulumi.read(body, file), at)
    for body, file in found.stacks:
        yield _made(file, BaselineSource.CLOUDFORMATION, cloudformation.read(body, found.answers, file), None)
    for body, file in found.arm:
        deployed = arm.deployment_of(found.deployments)
        yield _made(file, BaselineSource.ARM, arm.read(body, deployed, file), None)


def _made(
    file: str, source: BaselineSource, read: tuple[list[Declared], list[Gap]], declared_at: datetime | None
) -> Baseline:
    resources, gaps = read
    return baseline(_name(file), source, resources, declared_at=declared_at, gaps=gaps)


def _name(file: str) -> str:
    """The file's name without what only says its format; of a `terraform.tfstate` its folder's."""
    path = Path(file)
    stem = path.name.removesuffix(".gz")
    for suffix in (".tfstate", ".json", ".yaml", ".yml", ".template"):
        stem = stem.removesuffix(suffix)
    if stem.lower() in {"terraform", "main", "template", "azuredeploy", "plan", "state", "stack"}:
        parent = path.resolve().parent.name
        return f"{parent}/{stem}" if parent else stem
    return stem


def _distinct(baselines: Sequence[Baseline]) -> tuple[Baseline, ...]:
    names = [each.name for each in baselines]
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise InputError("two baselines have one name", name=doubled[0], todo="Import them one by one, with --name")
    return tuple(baselines)


def _files(paths: Sequence[str]) -> list[Path]:
    found: list[Path] = []
    for path in map(Path, paths):
        if path.is_dir():
            found += sorted(each for each in path.rglob("*") if each.is_file() and not each.name.startswith("."))
        else:
            found.append(path)
    return found


def _document(file: Path) -> Document:
    content = _content(file)
    try:
        found = orjson.loads(content)
    except orjson.JSONDecodeError:
        written = content.decode("utf-8", "replace")
        if written.lstrip("\ufeff \t\r\n")[:1] == "{":
            return _with_comments(written, str(file))
        return cloudformation.parse_yaml(written, str(file))
    if not isinstance(found, dict):
        raise InputError("not a baseline", where=str(file), got="no object", expected=_EXPECTED, todo=_TODO)
    return found


def _with_comments(written: str, file: str) -> Document:
    """ARM templates may hold comments, line breaks in text, and commas behind the last member."""
    bare = _TRAILING.sub(r"\1", _COMMENT.sub(lambda found: found[1] or "", written.removeprefix("\ufeff")))
    try:
        found = json.loads(bare, strict=False)
    except ValueError:
        return cloudformation.parse_yaml(written, file)
    if not isinstance(found, dict):
        raise InputError("not a baseline", where=file, got="no object", expected=_EXPECTED, todo=_TODO)
    return found


_COMMENT: Final = re.compile(r'("(?:[^"\\]|\\.)*")|//[^\n]*|/\*.*?\*/', re.DOTALL)
_TRAILING: Final = re.compile(r",(\s*[}\]])")


def _content(file: Path) -> bytes:
    try:
        size = file.stat().st_size
        if size > SIZE_BYTES_MAX:
            raise InputError("the baseline is too large", where=str(file), size_bytes=size, limit=SIZE_BYTES_MAX)
        content = file.read_bytes()
        if content[:2] == b"\x1f\x8b":
            content = zlib.decompressobj(wbits=31).decompress(content, SIZE_BYTES_MAX)
    except (OSError, zlib.error) as error:
        reason = text(getattr(error, "strerror", None)) or str(error)
        raise InputError("the baseline cannot be read", where=str(file), got=reason, todo=_TODO) from None
    return content
