"""One resource over time."""

from __future__ import annotations

from datetime import timedelta

import pytest

from assessment.scan import assess
from assessment.timeline import Moment, timeline
from domain.errors import NotFound
from graph.stores.contract import ChangeKind, Version
from tests.unit.assessment.estate import AS_OF, azure, chosen, inputs, registry, waiver
from tests.unit.assessment.test_heuristics import _changes

EXPIRED = "pcg-azure-appservice-certificate-expired"
EXPIRING = "pcg-azure-appservice-certificate-expiring"


def test_a_timeline_runs_from_changes_over_violations_to_what_is_expected() -> None:
    item = azure("Microsoft.Web/certificates", "web", {"properties": {"expirationDate": "2026-11-27T00:00:00Z"}})
    found = assess(inputs([item], chosen(EXPIRED, EXPIRING), changes=_changes([item.uid], [ChangeKind.CHANGED])))
    days = [AS_OF - timedelta(days=9), AS_OF - timedelta(days=2), AS_OF + timedelta(days=1)]
    kinds = [ChangeKind.NEW, ChangeKind.CHANGED, ChangeKind.RETIRED]
    history = [Version(at, kind, item.digest) for at, kind in zip(days, kinds, strict=True)]

    points = timeline(found, item.uid.upper(), history).points

    assert [(point.moment, point.text) for point in points] == [
        (Moment.CHANGE, "first seen"),
        (Moment.CHANGE, "changed"),
        (Moment.VIOLATION, "the certificate expires soon"),
        (Moment.PREDICTION, "the certificate has expired"),
        (Moment.PREDICTION, "likely to change"),
    ]


def test_what_is_exempt_stands_on_the_timeline_as_exempt() -> None:
    item = registry("a", admin=True)
    policy = "pcg-azure-acr-admin-user"
    found = assess(inputs([item], chosen(policy), exemptions=[waiver("ex-1", policy, None)]))

    (point,) = timeline(found, item.uid, ()).points

    assert (point.moment, point.text.rpartition(": ")[2]) == (Moment.EXEMPT, "exempt by ex-1")


def test_a_resource_that_is_not_there_has_no_timeline() -> None:
    with pytest.raises(NotFound):
        timeline(assess(inputs([], ())), "nothing", ())
