from __future__ import annotations

from typing import Any

import pytest

from domain.finding import Verdict
from domain.resource import Provider
from domain.value import Json
from graph.shred import shred
from policy.errors import UnsupportedDefinition
from policy.evaluate import evaluate
from policy.explain import explain
from policy.guard.inventory import properties_of
from policy.guard.program import compile_policy, is_rules_file, policies_of
from tests.unit.policy.resources import NOW, resource

RULE = """let buckets = Resources.*[ Type == '{kind}' ]
rule checked when %buckets !empty {{ %buckets.Properties {{ {clauses} }} }}"""


def judged(kind: str, clauses: str, document: dict[str, Json], *, unread: tuple[str, ...] = ()) -> Verdict:
    """What both evaluators say; they must agree."""
    [policy] = policies_of(RULE.format(kind=kind, clauses=clauses), origin="r.guard")
    program = compile_policy(policy)
    item = resource({**document, "type": kind}, provider=Provider.AWS, unread=unread)
    found = explain(program, item, now=NOW).verdict
    assert evaluate(program, shred([item], program.paths), now=NOW)[0] == found
    return found


OK, BAD, UNKNOWN = Verdict.COMPLIANT, Verdict.VIOLATION, Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("clauses", "document", "expected"),
    [
        ("VersioningConfiguration.Status == 'Enabled'", {"BucketVersioning": {"Status": "Enabled"}}, OK),
        ("VersioningConfiguration.Status == 'Enabled'", {"BucketVersioning": {"Status": "Suspended"}}, BAD),
        ("VersioningConfiguration exists", {}, BAD),
        ("PublicAccessBlockConfiguration.BlockPublicAcls == true",
         {"PublicAccessBlock": {"BlockPublicAcls": True}}, OK),
        ("LoggingConfiguration.DestinationBucketName exists",
         {"BucketLogging": {"LoggingEnabled": {"TargetBucket": "b"}}}, OK),
        ("LoggingConfiguration exists", {"BucketLogging": {}}, BAD),
        ("ObjectLockEnabled == true", {"ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled"}}, OK),
        ("BucketEncryption.ServerSideEncryptionConfiguration[*].ServerSideEncryptionByDefault.SSEAlgorithm == 'kms'",
         {"BucketEncryption": {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "kms"}}]}}, OK),
        ("BucketEncryption.ServerSideEncryptionConfiguration[*].ServerSideEncryptionByDefault exists",
         {"BucketEncryption": {"Rules": [3]}}, BAD),
        ("AccessControl exists", {}, UNKNOWN),
        ("Tags exists", {"Tags": []}, OK),
        ("%nowhere exists", {}, UNKNOWN),
    ],
)  # fmt: skip
def test_buckets_are_judged_by_cloudformations_names(
    clauses: str, document: dict[str, Json], expected: Verdict
) -> None:
    assert judged("AWS::S3::Bucket", clauses, document) is expected


def test_what_was_not_read_is_unknown() -> None:
    clauses = "VersioningConfiguration.Status == 'Enabled'"

    assert judged("AWS::S3::Bucket", clauses, {}, unread=("BucketVersioning",)) is UNKNOWN
    assert judged("AWS::S3::Bucket", clauses, {}, unread=("BucketAcl",)) is BAD
    assert judged("AWS::S3::Bucket", clauses, {}, unread=("*",)) is UNKNOWN


@pytest.mark.parametrize(
    ("kind", "given", "expected"),
    [
        ("AWS::EC2::Instance", {"Monitoring": {"State": "enabled"}}, {"Monitoring": True}),
        ("AWS::EC2::Instance", {"Monitoring": True}, {"Monitoring": True}),
        ("AWS::EC2::Volume", {"Encrypted": True}, {"Encrypted": True}),
        ("AWS::KMS::Key", {"KeyRotationStatus": {"KeyRotationEnabled": True}}, {"EnableKeyRotation": True}),
        ("AWS::KMS::Key", {}, {}),
        ("AWS::Logs::LogGroup", {"retentionInDays": 3}, {"RetentionInDays": 3}),
        ("AWS::RDS::DBInstance", {"EnabledCloudwatchLogsExports": []}, {"EnableCloudwatchLogsExports": []}),
        ("AWS::CloudTrail::Trail", {"LogFileValidationEnabled": True}, {"EnableLogFileValidation": True}),
    ],
)
def test_properties_have_cloudformations_names(kind: str, given: dict[str, Any], expected: dict[str, Any]) -> None:
    found = dict(properties_of(kind, given))

    assert {name: found[name] for name in expected} == expected


def test_a_violation_says_the_rules_message() -> None:
    [policy] = policies_of(
        "rule r { AWS::S3::Bucket { Properties.VersioningConfiguration exists <<turn it on>> } }", origin="r.guard"
    )
    program = compile_policy(policy)

    leaf = explain(program, resource({"type": "AWS::S3::Bucket"}, provider=Provider.AWS), now=NOW).leaves[0]

    assert (leaf.found, leaf.expected) == (["turn it on"], "r")
    [lost] = policies_of("rule r { AWS::S3::Bucket { %x exists } }", origin="r.guard")
    leaf = explain(compile_policy(lost), resource({"type": "AWS::S3::Bucket"}, provider=Provider.AWS), now=NOW).leaves[
        0
    ]
    assert leaf.found == ["no variable has the name x"]


def test_rules_about_other_types_do_not_map() -> None:
    [policy] = policies_of("rule r { AWS::Nothing::Here { Properties.A exists } }", origin="r.guard")

    with pytest.raises(UnsupportedDefinition) as caught:
        compile_policy(policy)

    assert caught.value.facts["got"] == ["AWS::Nothing::Here"]


def test_rules_files_are_recognised() -> None:
    assert is_rules_file("# x\nrule a when %b !empty {\n}")
    assert not is_rules_file("policies:\n- rule: a")
