"""Scan documents written by hand, for tests of what is made from them."""

from __future__ import annotations

from typing import Any

AS_OF = "2026-11-23T16:40:00Z"
FAR = "https://outside.example/x"


def amount(value: str, currency: str = "EUR") -> list[dict[str, str]]:
    return [{"amount": value, "currency": currency}]


def violation(number: int, **changes: Any) -> dict[str, Any]:
    """One violation; the number tells them apart."""
    return {
        "resource_id": f"/subscriptions/11111111-0000-0000-0000-000000000000/resourceGroups/shop-prod/providers/"
        f"Microsoft.Storage/storageAccounts/stshopprod{number:03}",
        "resource_name": f"stshopprod{number:03}",
        "resource_type": "Microsoft.Storage/storageAccounts",
        "provider": "azure",
        "scope": "/subscriptions/11111111-0000-0000-0000-000000000000/resourceGroups/shop-prod",
        "region": "westeurope",
        "policy_id": "pcg-azure-storage-public-access",
        "severity": "high",
        "title": "Public blob access is on",
        "remediation": "Set allowBlobPublicAccess to false on the account.",
        "controls": [{"framework": "CIS-Azure-2.1", "id": "3.7"}, {"framework": "NIST-800-53", "id": "SC-7"}],
        "monthly_cost": amount("1240.50"),
        "origin": {"file": "exports/azure.ndjson", "line": number},
        "is_new": False,
        "first_found": "2026-11-01T08:00:00Z",
        **changes,
    }


def policy(policy_id: str, **changes: Any) -> dict[str, Any]:
    return {
        "id": policy_id,
        "title": "Storage accounts refuse public blob access",
        "source": "builtin",
        "severity": "high",
        "state": "ran",
        "reason": None,
        "resources": 40,
        "violations": 0,
        "exempt": 0,
        "unknown": 0,
        "controls": [{"framework": "CIS-Azure-2.1", "id": "3.7"}],
        "cost_tag": None,
        "digest": "ab" * 32,
        **changes,
    }


def prediction(name: str, **changes: Any) -> dict[str, Any]:
    return {
        "resource_id": f"/subscriptions/1/providers/Microsoft.KeyVault/vaults/{name}",
        "resource_name": name,
        "resource_type": "Microsoft.KeyVault/vaults",
        "policy_id": "pcg-azure-certificate-expiry",
        "title": "Certificate expires",
        "severity": "high",
        "source": "date",
        "date": "2026-11-25T09:30:00Z",
        "probability": 1.0,
        "interval": None,
        "score": 1.0,
        "reasons": ["properties.attributes.exp is 2026-11-25T09:30:00Z", "violated from then on"],
        "resources_behind": 14,
        **changes,
    }


def radius(name: str, resources: int, cost: str | None) -> dict[str, Any]:
    return {
        "resource_id": f"/subscriptions/1/{name}",
        "resource_name": name,
        "resource_type": "Microsoft.Network/virtualNetworks",
        "scope": "/subscriptions/1",
        "failure": "delete",
        "resources": resources,
        "monthly_cost": amount(cost) if cost else [],
        "reasons": ["over 12 peerings", "no redundancy"],
    }


def by_policy() -> list[dict[str, Any]]:
    return [
        {"policy_id": "pcg-azure-storage-public-access", "amount": "21400.00", "resources": 12, "is_waste": False},
        {"policy_id": "pcg-aws-ebs-unattached", "amount": "9400.00", "resources": 31, "is_waste": True},
    ]


def cost() -> dict[str, Any]:
    return {
        "currency": "EUR",
        "effective_month": "2026-10",
        "total": "412900.00",
        "at_risk": "31800.00",
        "waste": "9400.00",
        "unmatched": "12387.00",
        "by_policy": by_policy(),
        "periods": [
            {
                "provider": "Azure",
                "start": "2026-10-01T00:00:00Z",
                "end": "2026-11-01T00:00:00Z",
                "rule": "latest complete billing month",
                "days": 31,
            }
        ],
        "currencies": [
            {
                "currency": "EUR",
                "total": "412900.00",
                "matched": "400513.00",
                "unmatched": "12387.00",
                "billed": "418000.00",
                "at_risk": "31800.00",
                "waste": "9400.00",
                "corrections": "-120.00",
                "credits": "-900.00",
                "commitments": {"used": "90000.00", "unused": "1200.00", "set_aside": "95000.00"},
                "matched_by": [{"label": "resource id", "amount": "400513.00", "rows": 8000}],
                "unmatched_by_reason": [
                    {"label": "no resource id", "amount": "8000.00", "rows": 120},
                    {"label": "resource not in the inventory", "amount": "4387.00", "rows": 44},
                ],
                "by_account": [{"label": "shop", "amount": "412900.00", "rows": 8164}],
                "by_scope": [{"label": "/subscriptions/1", "amount": "400513.00", "rows": 8000}],
                "by_policy": by_policy(),
            }
        ],
        "rows": 8164,
        "copied_rows": 0,
        "other_rows": 0,
    }


def violations() -> list[dict[str, Any]]:
    """Two critical ones of two clouds, six high ones of one policy, and two lesser ones."""
    return [
        violation(1, severity="critical", is_new=True),
        violation(
            2,
            severity="critical",
            provider="aws",
            policy_id="pcg-aws-sg-open-rdp",
            title="Port 3389 is open to the internet",
            resource_name="sg-0f3b5c77a91d2e9a1",
            resource_id="arn:aws:ec2:eu-west-1:111111111111:security-group/sg-0f3b5c77a91d2e9a1",
            monthly_cost=amount("310.00"),
            remediation="Restrict the ingress rule for 3389 to a bastion's address range.",
        ),
        *(violation(number) for number in range(3, 9)),
        violation(9, severity="medium", is_new=True, monthly_cost=[]),
        violation(10, severity="low", monthly_cost=[], title='<script>alert("x")</script> & more'),
    ]


def files() -> list[dict[str, Any]]:
    """Two exports, one with a gap."""
    return [
        {
            "path": "exports/azure.ndjson",
            "format": "ndjson",
            "records": 9000,
            "recognised": 8999,
            "resources": 8000,
            "classes": {"resource": 8999, "gap": 1},
            "gaps": [{"line": 812, "reason": "broken JSON", "todo": "export the line again"}],
        },
        {
            "path": "exports/aws.ndjson",
            "format": "ndjson",
            "records": 4431,
            "recognised": 4431,
            "resources": 4431,
            "classes": {"resource": 4431},
            "gaps": [],
        },
    ]


def exempt() -> list[dict[str, Any]]:
    """One waived violation."""
    return [
        {
            **{
                key: value
                for key, value in violation(11).items()
                if key not in {"remediation", "controls", "is_new", "first_found"}
            },
            "exemption_id": "ex-112",
            "exemption_reason": "Static web site",
            "exemption_owner": "shop team",
            "exemption_expires_at": "2026-12-31T00:00:00Z",
        }
    ]


def predictions() -> list[dict[str, Any]]:
    """A certificate, an exemption that covers nine, and one that only ranks."""
    return [
        prediction("kv-prod-web-tls"),
        *(
            prediction(
                f"st-{number}",
                date="2026-11-27T00:00:00Z",
                title="Public blob access is on",
                policy_id="pcg-azure-storage-public-access",
                severity="medium",
                reasons=["exemption ex-112 ends 2026-11-27T00:00:00Z", "the resource violates the policy now"],
                resources_behind=0,
            )
            for number in range(9)
        ),
        prediction(
            "nsg-web",
            policy_id=None,
            title="Change",
            severity=None,
            source="heuristic",
            date=None,
            probability=None,
            score=0.62,
            reasons=["4 changes in 7 days"],
            resources_behind=0,
        ),
    ]


def policies() -> list[dict[str, Any]]:
    """One policy in each state that a scan without mistakes has."""
    return [
        policy("pcg-aws-ebs-unattached", violations=31, cost_tag="waste", severity="low"),
        policy("pcg-azure-storage-public-access", violations=9, unknown=3),
        policy("pcg-gcp-key-rotation", state="not_applicable", resources=0),
        policy("pcg-gcp-sql-tls", state="unknown", resources=2, unknown=2, reason="settings was not read"),
    ]


def full_document() -> dict[str, Any]:
    """A scan with something in every part."""
    return {
        "version": "1",
        "tenant": "demo",
        "as_of": AS_OF,
        "input_digest": "cd" * 32,
        "synthetic": True,
        "filters": {"scope": None, "type": None},
        "notes": ["Heuristics only rank"],
        "files": files(),
        "gaps": [
            {"path": "exports/azure.ndjson", "line": 812, "reason": "broken JSON", "todo": "export the line again"}
        ],
        "resources": {
            "total": 12431,
            "assessed": 12431,
            "repeated": 204,
            "by_provider": {"azure": 8000, "aws": 4000, "gcp": 431},
            "by_type": {"Microsoft.Storage/storageAccounts": 40},
            "by_scope": {"/subscriptions/1": 8000, "/accounts/111111111111": 4431},
        },
        "policies": policies(),
        "severities": {
            "critical": {"violations": 2, "new": 1},
            "high": {"violations": 6, "new": 0},
            "medium": {"violations": 1, "new": 1},
            "low": {"violations": 1, "new": 0},
        },
        "new_since": "2026-11-22T09:00:00Z",
        "violations": violations(),
        "exempt": exempt(),
        "unknown": {
            "evaluations": 5,
            "resources": 4,
            "by_policy": [
                {"policy_id": "pcg-azure-storage-public-access", "resources": 3},
                {"policy_id": "pcg-gcp-sql-tls", "resources": 2},
            ],
        },
        "predictions": predictions(),
        "blast_radius": [
            radius("vnet-hub", 318, "48200.00"),
            radius("kv-prod", 41, "19900.00"),
            radius("sub-1", 3, None),
        ],
        "controls": [
            {
                "framework": "CIS-Azure-2.1",
                "id": "3.7",
                "state": "violated",
                "policies": 1,
                "violations": 9,
                "resources": 40,
            },
            {"framework": "NIST-800-53", "id": "SC-7", "state": "met", "policies": 2, "violations": 0, "resources": 41},
        ],
        "cost": cost(),
        "evidence": {
            "origin": "policycortex.local/demo",
            "size": 4112,
            "roots": {"sha256": "a1" * 32, "sha3_256": "b2" * 32},
            "checkpoint": "policycortex.local/demo\n4112\noaGhoaGh\n",
            "checkpoint_sha3": "policycortex.local/demo/sha3\n4112\nsrKysrKy\n",
            "path": ".pcg/evidence/demo",
        },
    }


def empty_document() -> dict[str, Any]:
    """A scan that found nothing wrong, without history, billing or evidence."""
    document = full_document()
    nothing = {severity: {"violations": 0, "new": 0} for severity in document["severities"]}
    return {
        **document,
        "synthetic": False,
        "gaps": [],
        "violations": [],
        "exempt": [],
        "severities": nothing,
        "new_since": None,
        "notes": [],
        "predictions": [],
        "blast_radius": [],
        "controls": [],
        "unknown": {"evaluations": 0, "resources": 0, "by_policy": []},
        "cost": {
            **cost(),
            **dict.fromkeys(("currency", "effective_month", "total", "at_risk", "waste", "unmatched")),
            "by_policy": [],
            "periods": [],
            "currencies": [],
        },
        "evidence": None,
    }
