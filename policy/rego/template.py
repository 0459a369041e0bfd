"""Constraint templates and constraints as documents, joined to policies.

A template holds the Rego, a constraint says with which parameters and for which resources it is meant. The templates
of the GCP policy library judge an asset (``deny``), those of Gatekeeper a review of an object (``violation``).

Source: https://open-policy-agent.github.io/gatekeeper/website/docs/howto
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from domain.resource import Provider
from domain.value import Json
from policy.errors import InvalidDefinition, NeedsParameters, UnsupportedDefinition
from policy.rego.engine import RegoSource
from policy.rego.source import LIBRARY, prepared

GCP_TARGET: Final = "validation.gcp.forsetisecurity.org"
GATEKEEPER_TARGET: Final = "admission.k8s.gatekeeper.sh"
_GROUP: Final = "constraints.gatekeeper.sh/"
_SIZE_MAX: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Template:
    """A constraint template: which kind of constraints it defines, and its Rego."""

    kind: str
    target: str
    source: RegoSource
    description: str
    origin: str
    document: Mapping[str, Json]

    @property
    def provider(self) -> Provider:
        """Whose resources it judges."""
        return Provider.GCP if self.target == GCP_TARGET else Provider.KUBERNETES


@dataclass(frozen=True, slots=True)
class RegoPolicy:
    """A template with one constraint."""

    template: Template
    constraint: Mapping[str, Json]
    origin: str

    @property
    def policy_id(self) -> str:
        """Kind and name of the constraint."""
        return f"{self.template.kind}/{_object(self.constraint.get('metadata')).get('name') or 'unnamed'}"

    @property
    def severity(self) -> str:
        """As the constraint states it, in small letters."""
        return str(_object(self.constraint.get("spec")).get("severity") or "").lower()


def is_template(document: object) -> bool:
    """Whether a document is a constraint template."""
    return isinstance(document, dict) and document.get("kind") == "ConstraintTemplate" and "spec" in document


def is_constraint(document: object) -> bool:
    """Whether a document is a constraint."""
    return isinstance(document, dict) and str(document.get("apiVersion")).startswith(_GROUP)


def parse_template(document: Mapping[str, Json], *, origin: str) -> Template:
    """Read a constraint template.

    Raises:
        InvalidDefinition: it has no kind or no Rego, or its Rego no package or no rule.
        UnsupportedDefinition: it is meant for something else than resources.
    """
    spec = _object(document.get("spec"))
    kind = _object(_object(_object(spec.get("crd")).get("spec")).get("names")).get("kind")
    name, target = _target(spec.get("targets"))
    rego = target.get("rego")
    if not isinstance(kind, str) or not isinstance(rego, str):
        missing = "$.spec.crd.spec.names.kind" if not isinstance(kind, str) else "$.spec.targets[0].rego"
        raise InvalidDefinition("constraint template is incomplete", where=origin, path=missing, expected="text")
    if name not in {GCP_TARGET, GATEKEEPER_TARGET}:
        raise UnsupportedDefinition(
            "template is meant for another target",
            where=origin,
            path="$.spec.targets[0].target",
            expected=[GCP_TARGET, GATEKEEPER_TARGET],
            got=name,
            todo="Run it where that target is",
        )
    libraries = target.get("libs")
    return Template(
        kind=kind,
        target=name,
        source=_source(kind, rego, libraries if isinstance(libraries, list) else [], name, origin),
        description=str(_object(_object(document.get("metadata")).get("annotations")).get("description") or ""),
        origin=origin,
        document=document,
    )


def _target(targets: Json) -> tuple[str, Mapping[str, Json]]:
    """The first target: an element of a list, or as the first templates had it, the value under its name."""
    if isinstance(targets, list) and targets:
        found = _object(targets[0])
        return str(found.get("target")), found
    for name, target in _object(targets).items():
        return name, _object(target)
    return "", {}


def _source(kind: str, rego: str, libraries: Sequence[Json], target: str, origin: str) -> RegoSource:
    rule = "deny" if target == GCP_TARGET else "violation"
    package = re.search(r"^\s*package\s+([\w.]+)", rego, re.MULTILINE)
    if package is None or re.search(rf"^\s*{rule}\b", rego, re.MULTILINE) is None:
        missing = "package" if package is None else rule
        raise InvalidDefinition("Rego is incomplete", where=origin, path=kind, expected=missing, todo="Add it")
    modules = [(f"{kind}.rego", prepared(rego))]
    modules += [(f"{kind}-lib{at}.rego", prepared(str(library))) for at, library in enumerate(libraries)]
    if target == GCP_TARGET:
        modules.append(("validator.rego", LIBRARY))
    size = sum(len(text) for _, text in modules)
    if size > _SIZE_MAX:
        raise InvalidDefinition("Rego is too long", where=origin, path=kind, expected=f"at most {_SIZE_MAX}", got=size)
    return RegoSource(package[1], rule, tuple(modules))


def joined(
    templates: Iterable[Template], constraints: Iterable[tuple[Mapping[str, Json], str]]
) -> tuple[list[RegoPolicy], list[InvalidDefinition | NeedsParameters]]:
    """Constraints with their templates; and what is left over: a template without constraint, or the reverse."""
    by_kind = {template.kind: template for template in templates}
    policies: list[RegoPolicy] = []
    left: list[InvalidDefinition | NeedsParameters] = []
    for constraint, origin in constraints:
        template = by_kind.get(str(constraint.get("kind")))
        if template is None:
            left.append(
                InvalidDefinition(
                    "constraint has no template",
                    where=origin,
                    path="$.kind",
                    expected=sorted(by_kind)[:20],
                    got=constraint.get("kind"),
                    name=f"{constraint.get('kind')}@{origin}",
                    todo="Import the template beside it",
                )
            )
        else:
            policies.append(RegoPolicy(template, constraint, origin))
    used = {policy.template.kind for policy in policies}
    left.extend(
        NeedsParameters(
            "template has no constraint",
            where=template.origin,
            name=template.kind,
            todo="Write a constraint of its kind",
        )
        for kind, template in by_kind.items()
        if kind not in used
    )
    return policies, left


def _object(value: Any) -> Mapping[str, Json]:
    return value if isinstance(value, dict) else {}
