"""Violations foreseen from dates."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from assessment.dates import HALVED_MAX
from assessment.inputs import AssessedPolicy
from assessment.scan import assess
from domain.prediction import Prediction, PredictionSource
from domain.resource import ConfigurationItem
from domain.value import Json
from tests.unit.assessment.estate import AS_OF, azure, chosen, inputs, pack_policy, waiver

EXPIRED = "pcg-azure-appservice-certificate-expired"
EXPIRING = "pcg-azure-appservice-certificate-expiring"


def certificate(name: str, expires: str) -> ConfigurationItem:
    return azure("Microsoft.Web/certificates", name, {"properties": {"expirationDate": expires}})


def predicted(items: list[ConfigurationItem], policies: list[AssessedPolicy], **more: object) -> list[Prediction]:
    return list(assess(inputs(items, policies, **more)).predictions)


def custom(field: str, condition: dict[str, Json]) -> AssessedPolicy:
    rule: dict[str, Json] = {"if": {"field": field, **condition}, "then": {"effect": "audit"}}
    return pack_policy({"name": "custom", "properties": {"displayName": "Custom", "policyRule": rule}}, "test")


def test_a_certificate_that_expires_this_week_is_predicted_to_the_instant() -> None:
    (found,) = predicted([certificate("web", "2026-11-27T09:30:15Z")], chosen(EXPIRED))

    assert found.source is PredictionSource.DATE
    assert found.date == datetime(2026, 11, 27, 9, 30, 15, tzinfo=UTC)
    assert (found.probability, found.score, found.policy_id, found.interval) == (1.0, 1.0, EXPIRED, None)
    assert found.reasons[0].endswith("is 2026-11-27T09:30:15Z")


def test_a_policy_that_looks_ahead_is_predicted_from_the_same_date() -> None:
    items = [certificate("a", "2026-12-26T08:00:00Z"), certificate("b", "2026-12-28T20:15:00Z")]

    found = predicted(items, chosen(EXPIRING))

    assert [each.date for each in found] == [
        datetime(2026, 11, 26, 8, tzinfo=UTC),
        datetime(2026, 11, 28, 20, 15, tzinfo=UTC),
    ]
    assert all(each.reasons[1] == "violated from 30 days before that" for each in found)


def test_what_lies_beyond_seven_days_or_violates_already_is_not_predicted() -> None:
    items = [certificate("far", "2026-12-20T00:00:00Z"), certificate("gone", "2026-11-01T00:00:00Z")]

    assert predicted(items, chosen(EXPIRED)) == []


def test_a_violation_that_comes_while_exempt_opens_when_the_exemption_ends() -> None:
    items = [certificate("a", "2026-11-26T00:00:00Z")]
    end = AS_OF + timedelta(days=5)

    ends_soon = predicted(items, chosen(EXPIRED), exemptions=[waiver("ex-1", EXPIRED, items[0], expires_at=end)])
    first = waiver("ex-1", EXPIRED, items[0], expires_at=AS_OF + timedelta(hours=1))
    ends_first = predicted(items, chosen(EXPIRED), exemptions=[first])

    assert [each.date for each in ends_soon] == [end]
    assert ends_soon[0].reasons[0].startswith("exemption ex-1 ends")
    assert [each.date for each in ends_first] == [datetime(2026, 11, 26, tzinfo=UTC)]


def test_a_violation_under_a_lasting_exemption_is_not_predicted() -> None:
    coming, failing = certificate("a", "2026-11-26T00:00:00Z"), certificate("b", "2026-01-01T00:00:00Z")
    lasting = [waiver("ex-1", EXPIRED, coming), waiver("ex-2", "*", failing, expires_at=AS_OF + timedelta(days=400))]

    assert predicted([coming, failing], chosen(EXPIRED), exemptions=lasting) == []


def test_a_rule_without_a_date_in_the_resource_is_found_by_halving() -> None:
    policy = custom("name", {"notEquals": "[if(less(utcNow(), '2026-11-26T03:04:05Z'), 'web', 'none')]"})

    found = predicted([certificate("web", "2027-01-01T00:00:00Z")], [policy])

    assert [(each.date, each.reasons) for each in found] == [
        (
            datetime(2026, 11, 26, 3, 4, 5, tzinfo=UTC),
            ("compliant until 2026-11-26T03:04:04Z, violating from 2026-11-26T03:04:05Z",),
        )
    ]


def test_dates_are_found_to_the_hour_and_after_the_date() -> None:
    policy = custom("Microsoft.Web/certificates/expirationDate", {"lessOrEquals": "[dateTimeAdd(utcNow(), '-PT12H')]"})

    (found,) = predicted([certificate("web", "2026-11-25T03:04:05Z")], [policy])

    assert found.date == datetime(2026, 11, 25, 15, 4, 5, tzinfo=UTC)
    assert found.reasons == (
        "properties.expirationdate is 2026-11-25T03:04:05Z",
        "violated from 12 hours after that",
    )


def test_seconds_since_1970_are_a_date_too() -> None:
    expires = int(datetime(2026, 11, 27, tzinfo=UTC).timestamp())
    key = azure("Microsoft.KeyVault/vaults/keys", "k", {"properties": {"attributes": {"exp": expires}}})

    (found,) = predicted([key], chosen("pcg-azure-keyvault-key-expired"))

    assert found.date == datetime(2026, 11, 27, tzinfo=UTC)
    assert found.reasons[1] == "violated from then on"


def test_every_resource_of_a_policy_gets_its_own_instant() -> None:
    items = [certificate(f"c{n:03}", f"2026-11-26T00:{n % 60:02}:{n % 59:02}Z") for n in range(300)]

    found = predicted(items, chosen(EXPIRED))

    assert len(found) == 300
    assert {each.date for each in found} == {datetime(2026, 11, 26, 0, n % 60, n % 59, tzinfo=UTC) for n in range(300)}


def test_the_day_is_given_where_too_many_instants_would_have_to_be_searched() -> None:
    late = {"field": "name", "notEquals": "[if(less(utcNow(), '2026-11-26T03:04:05Z'), field('name'), 'none')]"}
    dated = {"field": "Microsoft.Web/certificates/expirationDate", "exists": "true"}
    rule: dict[str, Json] = {"if": {"allOf": [dated, late]}, "then": {"effect": "audit"}}  # type: ignore[list-item]
    policy = pack_policy({"name": "custom", "properties": {"policyRule": rule}}, "test")
    items = [certificate(f"c{n:03}", "2026 is no date") for n in range(HALVED_MAX + 1)]

    found = predicted(items, [policy])

    assert found[-1].date == datetime(2026, 11, 26, 12, tzinfo=UTC)
    assert found[-1].reasons == ("compliant on 25 Nov, violating on 26 Nov",)
    assert {each.date for each in found[:-1]} == {datetime(2026, 11, 26, 3, 4, 5, tzinfo=UTC)}
