"""The own pack: every policy compiles, tells what a reader needs, and decides its own examples."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from domain.finding import Verdict
from domain.resource import ConfigurationItem, Origin, Provider, ResourceId
from domain.tenancy import TenantId
from domain.value import Json
from graph.shred import shred
from policy.aliases import BUILTIN, AliasTable, read_rows
from policy.compile import Program, compile_definition
from policy.evaluate import evaluate
from policy.explain import explain
from policy.pack import PackPolicy, load_pack
from policy.packs.catalogue import CLOUDS, catalogue, clouds_of, is_dated

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
ROOT = Path(__file__).parents[3]
PACK = load_pack()
PROVIDERS = {"azure": Provider.AZURE, "aws": Provider.AWS, "gcp": Provider.GCP}
FRAMEWORKS = {
    "CIS-Azure-3.0": r"\d+(\.\d+)+",
    "CIS-AWS-5.0": r"\d+(\.\d+)+",
    "CIS-GCP-4.0": r"\d+(\.\d+)+",
    "AWS-FSBP": r"[A-Za-z0-9]+\.\d+",
    "NIST-800-53-R5": r"[A-Z]{2}-\d+(\(\d+\))?",
    "ISO-27001-2022": r"A\.[5-8]\.\d+",
    "SOC2": r"(CC\d|A1|C1)\.\d",
    "PCI-DSS-4.0": r"\d+\.\d+\.\d+",
    "HIPAA": r"164\.3\d\d(\([a-zA-Z0-9]+\))+",
}


def compiled(policy: PackPolicy) -> Program:
    return compile_definition(policy.definition, AliasTable.builtin(), policy_id=policy.policy_id)


def item(policy: PackPolicy, document: dict[str, Json]) -> ConfigurationItem:
    """An example as a resource; an ARM document holds its type, elsewhere the type stands beside the document."""
    cloud = clouds_of(policy)[0]
    tags = document.get("tags") or {}
    assert isinstance(tags, dict)
    return ConfigurationItem(
        tenant=TenantId("examples"),
        uid=ResourceId(f"/example/{document['name']}"),
        provider=PROVIDERS[cloud],
        type=str(document["type"]),
        name=str(document["name"]),
        scope="",
        region="",
        tags={key: str(value) for key, value in tags.items()},
        properties={key: value for key, value in document.items() if key != "type" or cloud == "azure"},
        captured_at=None,
        digest="",
        origin=Origin("example"),
    )


def aliases_in(rule: Json) -> Iterator[str]:
    if isinstance(rule, dict):
        for key, value in rule.items():
            if key == "field" and isinstance(value, str):
                yield value
            yield from aliases_in(value)
    elif isinstance(rule, list):
        for each in rule:
            yield from aliases_in(each)
    elif isinstance(rule, str):
        yield from re.findall(r"(?:current|field)\('([^']+)'\)", rule)


def is_alias(field: str) -> bool:
    return "/" in field.partition("[")[0]


def test_the_pack_covers_three_clouds_in_depth() -> None:
    counts = Counter(cloud for policy in PACK for cloud in clouds_of(policy))
    assert set(counts) == set(CLOUDS)
    assert counts["azure"] >= 35
    assert counts["aws"] >= 35
    assert counts["gcp"] >= 25
    assert sum(counts.values()) >= 300


def test_every_id_is_used_once_and_names_its_file() -> None:
    ids = [policy.policy_id for policy in PACK]
    files = {
        f"pcg-{path.parent.name}-{path.stem}" for path in BUILTIN.parent.glob("*/*.json") if path.parent != BUILTIN
    }
    assert len(ids) == len(set(ids))
    assert set(ids) == files


@pytest.mark.parametrize("cloud", CLOUDS)
def test_every_policy_compiles(cloud: str) -> None:
    for policy in PACK:
        if clouds_of(policy) == (cloud,):
            assert compiled(policy).types, policy.policy_id


@pytest.mark.parametrize("cloud", CLOUDS)
def test_every_example_comes_out_as_it_says(cloud: str) -> None:
    wrong = []
    for policy in PACK:
        if clouds_of(policy) != (cloud,):
            continue
        program = compiled(policy)
        assert policy.examples_pass, policy.policy_id
        assert policy.examples_fail, policy.policy_id
        for want, examples in ((Verdict.COMPLIANT, policy.examples_pass), (Verdict.VIOLATION, policy.examples_fail)):
            for at, example in enumerate(examples):
                verdict = explain(program, item(policy, dict(example)), now=NOW).verdict
                if verdict is not want:
                    wrong.append((policy.policy_id, want.name, at, verdict.name))
    assert wrong == []


def test_columns_decide_the_examples_as_the_interpreter_does() -> None:
    wrong = []
    for policy in PACK:
        program = compiled(policy)
        for example in (*policy.examples_pass, *policy.examples_fail):
            one = item(policy, dict(example))
            if program.types is not None and one.type.lower() not in program.types:
                continue
            verdict = Verdict(int(evaluate(program, shred([one], program.paths), now=NOW)[0]))
            if verdict is not explain(program, one, now=NOW).verdict:
                wrong.append((policy.policy_id, one.name, verdict.name))
    assert wrong == []


def test_examples_of_a_failure_are_resources_that_the_policy_is_about() -> None:
    strangers = [
        policy.policy_id
        for policy in PACK
        for example in policy.examples_fail
        if str(example["type"]).lower() not in (compiled(policy).types or ())
    ]
    assert strangers == []


def test_what_was_never_read_is_unknown_and_not_a_violation() -> None:
    policy = next(policy for policy in PACK if policy.policy_id == "pcg-aws-s3-versioning")
    bucket = item(policy, {"type": "AWS::S3::Bucket", "name": "listed"})
    listed = replace(bucket, unread=("BucketVersioning",))
    assert explain(compiled(policy), listed, now=NOW).verdict is Verdict.UNKNOWN


def test_every_policy_tells_why_it_matters_and_what_to_do() -> None:
    for policy in PACK:
        assert policy.definition.display_name, policy.policy_id
        assert policy.definition.description, policy.policy_id
        assert 20 <= len(policy.rationale) <= 300, policy.policy_id
        assert 10 <= len(policy.remediation) <= 320, policy.policy_id
        texts = (policy.definition.display_name, policy.definition.description, policy.rationale)
        assert not any("!" in text for text in texts), policy.policy_id


def test_every_policy_names_controls_of_two_frameworks_or_more() -> None:
    for policy in PACK:
        assert len({control.framework for control in policy.controls}) >= 2, policy.policy_id
        assert len(set(policy.controls)) == len(policy.controls), policy.policy_id
        for control in policy.controls:
            assert re.fullmatch(FRAMEWORKS[control.framework], control.id), (policy.policy_id, str(control))


IMPORTED = {"azure_network.json"}
"""Aliases that our own packs do not need but Microsoft's definitions do."""


def test_every_alias_is_in_the_table_and_every_row_is_used() -> None:
    used = {alias.lower() for policy in PACK for alias in aliases_in(policy.definition.condition) if is_alias(alias)}
    known = {
        alias.lower()
        for path in sorted(BUILTIN.glob("*.json"))
        if path.name not in IMPORTED
        for row in read_rows(path)
        if isinstance(row, dict) and isinstance(aliases := row["aliases"], dict)
        for alias in aliases
    }
    assert used - known == set()
    assert known - used == set()


def test_dates_make_violations_foreseeable_in_every_cloud() -> None:
    dated = Counter(clouds_of(policy)[0] for policy in PACK if is_dated(policy))
    assert min(dated[cloud] for cloud in CLOUDS) >= 8
    assert all(compiled(policy).is_time_dependent == is_dated(policy) for policy in PACK)


def test_a_certificate_becomes_a_violation_on_its_last_day() -> None:
    policy = next(policy for policy in PACK if policy.policy_id == "pcg-aws-acm-expired")
    one = item(policy, {"type": "AWS::ACM::Certificate", "name": "web", "NotAfter": "2026-11-26T18:00:00Z"})
    verdicts = [explain(compiled(policy), one, now=NOW.replace(day=day)).verdict for day in (24, 25, 26, 27)]
    assert verdicts == [Verdict.COMPLIANT, Verdict.COMPLIANT, Verdict.COMPLIANT, Verdict.VIOLATION]


def test_files_are_written_one_way() -> None:
    for path in BUILTIN.parent.glob("*/*.json"):
        text = path.read_text(encoding="utf-8")
        assert text.endswith("}\n") or text.endswith("]\n"), path.name
        orjson.loads(text)


def test_the_page_in_the_documentation_is_current() -> None:
    assert (ROOT / "docs" / "policies.md").read_text(encoding="utf-8") == catalogue(PACK)
