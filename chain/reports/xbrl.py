"""The key figures of a pack as an XBRL instance, with the small taxonomy that it needs.

No standard taxonomy for this kind of evidence is known, so the concepts are ours: they name a log's state, the window,
what was found, and the digest of the manifest that all of it rests on. Each log is an entity of its own, named by its
origin; the figures of the window are the tenant's.

Source: XBRL 2.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from chain.checkpoint import parse_checkpoint
from chain.note import parse_note
from chain.pack import CHECKPOINTS, LogRange
from chain.pack_summary import SEVERITIES
from chain.reports.evidence import Evidence

NAMESPACE: Final = "urn:policycortex:taxonomy:evidence:1"
SCHEMA: Final = "taxonomy/evidence-1.xsd"
LABELS: Final = "taxonomy/evidence-1-labels.xml"
PRESENTATION: Final = "taxonomy/evidence-1-presentation.xml"

_TENANTS, _LOGS = "urn:policycortex:tenant", "urn:policycortex:log"
_ROLE: Final = "http://www.xbrl.org/2003/role/link"
_HEAD: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'


@dataclass(frozen=True, slots=True)
class Concept:
    """One thing that can be reported.

    Args:
        type: XBRL item type without its prefix.
        period: ``instant`` for a log's state, ``duration`` for what is said of the window.
    """

    name: str
    type: str
    period: str
    label: str
    documentation: str

    @property
    def is_count(self) -> bool:
        return self.type == "nonNegativeIntegerItemType"


_COUNT: Final = "nonNegativeIntegerItemType"

CONCEPTS: Final = (
    Concept("LogOrigin", "stringItemType", "instant", "Log", "Origin of the evidence log, under which it signs."),
    Concept("TreeSize", _COUNT, "instant", "Entries under the checkpoint", "Size of the log's signed checkpoint."),
    Concept("RootSha256", "stringItemType", "instant", "SHA-256 root", "Root of the log's SHA-256 tree, in hex."),
    Concept("RootSha3256", "stringItemType", "instant", "SHA3-256 root", "Root of the log's SHA3-256 tree, in hex."),
    Concept("FirstEntry", _COUNT, "instant", "First entry in the pack", "Index of the first entry that is proven."),
    Concept("EndEntry", _COUNT, "instant", "End of the entries", "Index behind the last entry that is proven."),
    Concept("WindowStart", "dateTimeItemType", "duration", "Window opens", "Beginning of the audit window, in UTC."),
    Concept("WindowEnd", "dateTimeItemType", "duration", "Window closes", "End of the audit window, not part of it."),
    Concept("EntriesInWindow", _COUNT, "duration", "Entries in the window", "Entries that state a time in the window."),
    *(
        Concept(
            f"Violations{severity.capitalize()}", _COUNT, "duration", f"Violations, {severity}",
            f"Violations of severity {severity}, by each policy's last evaluation in the window.",
        )
        for severity in SEVERITIES
    ),
    Concept("ControlsMet", _COUNT, "duration", "Controls met", "Controls whose policies ran and found nothing."),
    Concept("ControlsViolated", _COUNT, "duration", "Controls violated", "Controls with at least one violation."),
    Concept("ControlsUnknown", _COUNT, "duration", "Controls unknown", "Controls that the evidence does not decide."),
    Concept(
        "DaysWithoutEvidence", _COUNT, "duration", "Days without evidence", "Whole days of the window without an entry."
    ),
    Concept(
        "ManifestSha256", "stringItemType", "duration", "Manifest", "SHA-256 of the pack's manifest.json, in hex."
    ),
)  # fmt: skip


def instance(evidence: Evidence) -> bytes:
    """The figures of a pack; the same evidence gives the same bytes."""
    manifest, summary = evidence.manifest, evidence.summary
    period = f"<startDate>{_date_time(manifest.opens)}</startDate><endDate>{_date_time(manifest.closes)}</endDate>"
    contexts = [_context("window", _TENANTS, manifest.tenant, period)]
    facts = [
        _fact("WindowStart", "window", _date_time(manifest.opens)),
        _fact("WindowEnd", "window", _date_time(manifest.closes)),
        _fact("EntriesInWindow", "window", summary.entries - summary.outside),
        *(
            _fact(f"Violations{severity.capitalize()}", "window", summary.violations(severity))
            for severity in SEVERITIES
        ),
        _fact("ControlsMet", "window", summary.controls_in("met")),
        _fact("ControlsViolated", "window", summary.controls_in("violated")),
        _fact("ControlsUnknown", "window", summary.controls_in("unknown")),
        _fact("DaysWithoutEvidence", "window", summary.days_without_entries),
        _fact("ManifestSha256", "window", evidence.manifest_sha256),
    ]
    for number, part in enumerate(manifest.logs):
        moment = f"<instant>{_date_time(manifest.closes)}</instant>"
        contexts.append(_context(f"log{number}", _LOGS, part.origin, moment))
        facts += _log_facts(evidence, part, f"log{number}")
    body = "".join(f"  {line}\n" for line in [*contexts, '<unit id="count"><measure>pure</measure></unit>', *facts])
    return (
        f'{_HEAD}<xbrl xmlns="http://www.xbrl.org/2003/instance" xmlns:link="http://www.xbrl.org/2003/linkbase"'
        f' xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:pcg="{NAMESPACE}">\n'
        f'  <link:schemaRef xlink:type="simple" xlink:href="{SCHEMA}"/>\n{body}</xbrl>\n'
    ).encode()


@cache
def taxonomy() -> dict[str, bytes]:
    """The files of the taxonomy, by path in the pack."""
    return {SCHEMA: _schema(), LABELS: _labels(), PRESENTATION: _presentation()}


def _log_facts(evidence: Evidence, part: LogRange, context: str) -> list[str]:
    roots = [
        parse_checkpoint(parse_note(evidence.files[part.path(name)].decode("utf-8")).text).root.hex()
        for name in (CHECKPOINTS.sha256, CHECKPOINTS.sha3_256)
    ]
    return [
        _fact("LogOrigin", context, part.origin),
        _fact("TreeSize", context, part.size),
        _fact("RootSha256", context, roots[0]),
        _fact("RootSha3256", context, roots[1]),
        _fact("FirstEntry", context, part.start),
        _fact("EndEntry", context, part.end),
    ]


def _context(name: str, scheme: str, entity: str, period: str) -> str:
    identifier = f"<identifier scheme={quoteattr(scheme)}>{escape(entity)}</identifier>"
    return f'<context id="{name}"><entity>{identifier}</entity><period>{period}</period></context>'


def _fact(name: str, context: str, value: object) -> str:
    numeric = ' unitRef="count" decimals="INF"' if isinstance(value, int) else ""
    return f'<pcg:{name} contextRef="{context}"{numeric}>{escape(str(value))}</pcg:{name}>'


def _date_time(instant: datetime) -> str:
    return instant.astimezone(UTC).replace(tzinfo=None, microsecond=0).isoformat()


def _schema() -> bytes:
    elements = "".join(
        f'  <xsd:element id="pcg_{each.name}" name="{each.name}" type="xbrli:{each.type}"'
        f' substitutionGroup="xbrli:item" nillable="true" xbrli:periodType="{each.period}"/>\n'
        for each in CONCEPTS
    )
    references = "".join(
        f'    <link:linkbaseRef xlink:type="simple" xlink:href="{path.removeprefix("taxonomy/")}"'
        f' xlink:role="http://www.xbrl.org/2003/role/{kind}LinkbaseRef"'
        f' xlink:arcrole="http://www.w3.org/1999/xlink/properties/linkbase"/>\n'
        for path, kind in ((LABELS, "label"), (PRESENTATION, "presentation"))
    )
    return (
        f'{_HEAD}<xsd:schema xmlns:xsd="http://www.w3.org/2001/XMLSchema"'
        f' xmlns:xbrli="http://www.xbrl.org/2003/instance" xmlns:link="http://www.xbrl.org/2003/linkbase"'
        f' xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:pcg="{NAMESPACE}" targetNamespace="{NAMESPACE}"'
        f' elementFormDefault="qualified" attributeFormDefault="unqualified">\n'
        f"  <xsd:annotation><xsd:appinfo>\n{references}  </xsd:appinfo></xsd:annotation>\n"
        f'  <xsd:import namespace="http://www.xbrl.org/2003/instance"'
        f' schemaLocation="http://www.xbrl.org/2003/xbrl-instance-2003-12-31.xsd"/>\n'
        f"{elements}</xsd:schema>\n"
    ).encode()


def _labels() -> bytes:
    arcs = []
    for each in CONCEPTS:
        roles = (("label", each.label), ("documentation", each.documentation))
        arcs += [
            _locator(each.name),
            *(
                f'<label xlink:type="resource" xlink:label="{each.name}_text" xml:lang="en"'
                f' xlink:role="http://www.xbrl.org/2003/role/{role}">{escape(text)}</label>'
                for role, text in roles
            ),
            f'<labelArc xlink:type="arc" xlink:arcrole="http://www.xbrl.org/2003/arcrole/concept-label"'
            f' xlink:from="{each.name}" xlink:to="{each.name}_text"/>',
        ]
    return _linkbase("labelLink", arcs)


def _presentation() -> bytes:
    """The concepts of each period below its first one, in their order."""
    arcs = [_locator(each.name) for each in CONCEPTS]
    for period in ("instant", "duration"):
        top, *rest = (each.name for each in CONCEPTS if each.period == period)
        arcs += [
            f'<presentationArc xlink:type="arc" xlink:arcrole="http://www.xbrl.org/2003/arcrole/parent-child"'
            f' xlink:from="{top}" xlink:to="{name}" order="{order}"/>'
            for order, name in enumerate(rest, start=1)
        ]
    return _linkbase("presentationLink", arcs)


def _locator(name: str) -> str:
    return (
        f'<loc xlink:type="locator" xlink:href="{SCHEMA.removeprefix("taxonomy/")}#pcg_{name}" xlink:label="{name}"/>'
    )


def _linkbase(link: str, arcs: list[str]) -> bytes:
    body = "".join(f"    {arc}\n" for arc in arcs)
    return (
        f'{_HEAD}<linkbase xmlns="http://www.xbrl.org/2003/linkbase" xmlns:xlink="http://www.w3.org/1999/xlink">\n'
        f'  <{link} xlink:type="extended" xlink:role="{_ROLE}">\n{body}  </{link}>\n</linkbase>\n'
    ).encode()
