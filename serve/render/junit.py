"""A scan as JUnit XML, for build servers: a test case per policy, its violations as the failure.

Source: the schema that Jenkins and GitLab read, https://github.com/testmoapp/junitxml.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final
from xml.sax.saxutils import escape, quoteattr

Document = Mapping[str, Any]

RESOURCES_MAX = 100
_NOT_XML: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_report(document: Document) -> str:
    """One suite per scan. Policies that did not run are skipped, those in error are errors."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for violation in document["violations"]:
        found.setdefault(violation["policy_id"], []).append(violation)
    cases = [_case(policy, found.get(policy["id"], [])) for policy in document["policies"]]
    policies = document["policies"]
    failures = sum(bool(found.get(policy["id"])) for policy in policies)
    errors = sum(policy["state"] == "error" for policy in policies)
    skipped = sum(_is_skipped(policy) and not found.get(policy["id"]) for policy in policies)
    head = (
        f'name={_attribute("policycortex " + document["tenant"])} tests="{len(policies)}" '
        f'failures="{failures}" errors="{errors}" skipped="{skipped}" timestamp={_attribute(document["as_of"])}'
    )
    body = "\n".join(cases)
    suite = f"<testsuite {head}>\n{body}\n</testsuite>"
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n{suite}\n</testsuites>\n'


def _case(policy: Mapping[str, Any], violations: list[Mapping[str, Any]]) -> str:
    inner = "".join(_outcome(policy, violations))
    name = f"{policy['title']} ({policy['id']})"
    return f"<testcase classname={_attribute(policy['severity'])} name={_attribute(name)}>{inner}</testcase>"


def _outcome(policy: Mapping[str, Any], violations: list[Mapping[str, Any]]) -> Iterable[str]:
    if violations:
        message = f"{len(violations)} of {policy['resources']} resources violate this policy"
        lines = [
            f"{v['resource_id']} ({v['origin']['file']}:{v['origin']['line']})" for v in violations[:RESOURCES_MAX]
        ]
        if len(violations) > RESOURCES_MAX:
            lines.append(f"and {len(violations) - RESOURCES_MAX} more")
        if violations[0]["remediation"]:
            lines.append(f"Remediation: {violations[0]['remediation']}")
        kind = _attribute(violations[0]["severity"])
        yield f"<failure type={kind} message={_attribute(message)}>{_text(chr(10).join(lines))}</failure>"
    elif policy["state"] == "error":
        yield f"<error message={_attribute(policy['reason'] or 'cannot run')}/>"
    elif _is_skipped(policy):
        words = policy["state"].replace("_", " ")
        yield f"<skipped message={_attribute(policy['reason'] or words)}/>"


def _is_skipped(policy: Mapping[str, Any]) -> bool:
    return policy["state"] in {"not_applicable", "unknown", "needs_parameters"}


def _text(text: str) -> str:
    return escape(_NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text))


def _attribute(text: str) -> str:
    return quoteattr(_NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text))
