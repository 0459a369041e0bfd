from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.drift import AttributeDrift
from domain.resource import Provider
from domain.value import MISSING, Json
from graph.drift.compare import Comparison, compare_documents, compare_loosely, compare_tags
from graph.drift.providers import PROVIDERS, rules_of
from graph.drift.rules import fold


def compare(
    type_: str, expected: dict[str, Json], actual: dict[str, Json], provider: Provider = Provider.AWS, **more: Any
) -> Comparison:
    return compare_documents(expected, actual, rules_of(provider, type_), **more)


def paths(found: Comparison) -> list[str]:
    return [each.path for each in found.drifts]


def test_only_what_is_declared_is_compared() -> None:
    found = compare("AWS::SQS::Queue", {"DelaySeconds": 5}, {"DelaySeconds": "5", "KmsMasterKeyId": "alias/x"})
    assert found == Comparison((), 0, 1)


def test_a_changed_value_is_told_with_both_values_as_they_were_written() -> None:
    found = compare("AWS::SQS::Queue", {"DelaySeconds": 5}, {"DelaySeconds": "9"})
    assert found.drifts == (AttributeDrift("DelaySeconds", 5, "9"),)


def test_what_the_provider_computes_never_drifts() -> None:
    before: dict[str, Json] = {
        "LaunchTime": "2026-01-01T00:00:00Z",
        "State": {"Name": "running"},
        "PublicIpAddress": "1.2.3.4",
    }
    after: dict[str, Json] = {"LaunchTime": "2026-01-09T00:00:00Z", "State": {"Name": "stopped"}}
    assert compare("AWS::EC2::Instance", before, after, is_whole=True).drifts == ()


def test_a_default_equals_an_attribute_that_is_not_set() -> None:
    assert compare("AWS::SQS::Queue", {"VisibilityTimeout": 30}, {}).drifts == ()
    assert compare("AWS::SQS::Queue", {"VisibilityTimeout": None}, {"VisibilityTimeout": "30"}).drifts == ()
    assert paths(compare("AWS::SQS::Queue", {"VisibilityTimeout": 31}, {})) == ["VisibilityTimeout"]


def test_something_declared_empty_drifts_when_it_is_filled() -> None:
    rule: Json = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    found = compare("AWS::EC2::SecurityGroup", {"IpPermissions": []}, {"IpPermissions": [rule]})
    assert paths(found) == ["IpPermissions"]
    assert found.drifts[0].expected is MISSING


def test_a_security_group_is_the_same_however_its_rules_are_grouped() -> None:
    grouped: dict[str, Json] = {
        "IpPermissions": [
            {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443,
             "IpRanges": [{"CidrIp": "10.0.0.0/8"}, {"CidrIp": "192.168.0.0/16"}], "UserIdGroupPairs": []},
            {"IpProtocol": "-1", "IpRanges": [], "UserIdGroupPairs": [{"UserId": "1", "GroupId": "sg-1"}]},
        ]
    }  # fmt: skip
    split: dict[str, Json] = {
        "IpPermissions": [
            {"IpProtocol": "all", "FromPort": 0, "ToPort": 0, "UserIdGroupPairs": [{"GroupId": "sg-1"}]},
            {"IpProtocol": "6", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "192.168.0.0/16"}]},
            {"IpProtocol": "tcp", "FromPort": "443", "ToPort": 443, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]},
        ]
    }
    assert compare("AWS::EC2::SecurityGroup", split, grouped).drifts == ()


def test_the_shape_of_config_equals_that_of_the_api() -> None:
    api: dict[str, Json] = {
        "GroupName": "web",
        "IpPermissions": [
            {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}
        ],
    }
    config: dict[str, Json] = {
        "groupName": "web",
        "ipPermissions": [
            {"ipProtocol": "tcp", "fromPort": 443, "toPort": 443, "ipRanges": ["10.0.0.0/8"], "prefixListIds": [],
             "userIdGroupPairs": []}
        ],
        "configurationItem": {"version": "1.3"},
        "relationships": [],
    }  # fmt: skip
    assert compare("AWS::EC2::SecurityGroup", api, config, is_whole=True).drifts == ()
    assert compare("AWS::EC2::SecurityGroup", config, api, is_whole=True).drifts == ()


def test_one_added_rule_is_told_alone() -> None:
    rule: Json = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}
    ssh: Json = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    found = compare("AWS::EC2::SecurityGroup", {"IpPermissions": [rule]}, {"IpPermissions": [rule, ssh]})
    assert found.drifts == (
        AttributeDrift(
            "IpPermissions",
            MISSING,
            [{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": {"CidrIp": "0.0.0.0/0"}}],
        ),
    )


def test_an_aspect_does_not_speak_for_the_rest_of_an_array() -> None:
    rule: Json = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}
    ssh: Json = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    both: dict[str, Json] = {"IpPermissions": [ssh, rule]}
    assert compare("AWS::EC2::SecurityGroup", {"IpPermissions": [rule]}, both, is_part=True).drifts == ()
    assert paths(compare("AWS::EC2::SecurityGroup", {"IpPermissions": [rule]}, {"IpPermissions": [ssh]}, is_part=True))


def test_a_policy_drifts_by_its_statements() -> None:
    kept: Json = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
    added: Json = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    found = compare(
        "AWS::S3::Bucket", {"BucketPolicy": {"Statement": [kept]}}, {"BucketPolicy": {"Statement": [kept, added]}}
    )
    assert paths(found) == ["BucketPolicy"]
    assert found.drifts[0].expected is MISSING
    assert found.drifts[0].actual == [{"effect": "Allow", "action": ["s3:*"], "resource": ["*"]}]


def test_secrets_and_unread_parts_are_counted_and_not_compared() -> None:
    found = compare(
        "AWS::SQS::Queue",
        {"Policy": "[removed: its key names a secret]", "RedrivePolicy": {"maxReceiveCount": 1}},
        {"Policy": "[removed: looks like a key]"},
        unread=frozenset({"redrivepolicy"}),
    )
    assert found.drifts == ()
    assert found.uncompared == 2


def test_a_whole_declaration_sees_what_was_added() -> None:
    found = compare("AWS::SQS::Queue", {"DelaySeconds": 5}, {"DelaySeconds": 5, "KmsMasterKeyId": "x"}, is_whole=True)
    assert [(each.path, each.expected) for each in found.drifts] == [("KmsMasterKeyId", MISSING)]


def test_azure_is_compared_without_case_and_rules_are_found_by_name() -> None:
    expected: dict[str, Json] = {
        "properties": {
            "securityRules": [
                {"name": "ssh", "properties": {"access": "deny", "priority": 100, "direction": "Inbound"}},
                {"name": "web", "properties": {"access": "Allow", "priority": 110}},
            ]
        }
    }
    actual: dict[str, Json] = {
        "properties": {
            "provisioningState": "Succeeded",
            "securityRules": [
                {"id": "/x", "name": "Web", "etag": "1", "properties": {"access": "ALLOW", "priority": 110}},
                {"name": "ssh", "properties": {"access": "Allow", "priority": 100, "direction": "Inbound"}},
            ],
        }
    }
    found = compare("Microsoft.Network/networkSecurityGroups", expected, actual, Provider.AZURE)
    assert found.drifts == (AttributeDrift("properties.securityRules[ssh].properties.access", "deny", "Allow"),)


def test_maps_are_declared_as_a_whole() -> None:
    found = compare(
        "AWS::Lambda::Function",
        {"Environment": {"Variables": {"A": "1", "gone": "x"}}},
        {"Environment": {"Variables": {"A": "1", "b": "2"}}},
    )
    assert paths(found) == ["Environment.Variables.b", "Environment.Variables.gone"]


def test_google_pairs_and_durations_are_normalised() -> None:
    expected: dict[str, Json] = {"metadata": {"items": [{"key": "a", "value": "1"}]}}
    actual: dict[str, Json] = {"metadata": {"fingerprint": "x", "items": [{"value": "2", "key": "a"}]}}
    found = compare("compute.googleapis.com/Instance", expected, actual, Provider.GCP)
    assert paths(found) == ["metadata.items.a"]
    key: dict[str, Json] = {"rotationPeriod": "7776000s"}
    assert compare("cloudkms.googleapis.com/CryptoKey", key, {"rotationPeriod": 7_776_000}, Provider.GCP).drifts == ()


def test_loose_attributes_are_compared_only_where_both_have_them() -> None:
    rules = rules_of(Provider.AWS, "AWS::Redshift::Cluster")
    observed: dict[str, Json] = {"NodeType": "dc2.large", "NumberOfNodes": 2}
    found = compare_loosely({"node_type": "ra3.xlplus", "number_of_nodes": 2, "skip": "me"}, observed, rules)
    assert paths(found) == ["NodeType"]


def test_tags_are_compared_as_a_whole_without_those_of_tools() -> None:
    found = compare_tags({"env": "prod", "gone": ""}, {"env": "dev", "new": "1", "aws:x": "y"}, ("aws:",))
    assert [(each.path, each.expected, each.actual) for each in found] == [
        ("tags.env", "prod", "dev"),
        ("tags.gone", "", MISSING),
        ("tags.new", MISSING, "1"),
    ]


def test_many_equal_elements_are_matched_one_to_one() -> None:
    element: Json = {"GroupId": "sg-1"}
    found = compare("AWS::EC2::Instance", {"SecurityGroups": [element, element]}, {"SecurityGroups": [element]})
    assert paths(found) == ["SecurityGroups"]


@pytest.mark.parametrize("provider", list(Provider))
def test_every_rule_is_written_folded(provider: Provider) -> None:
    for type_, rules in PROVIDERS[provider].by_type.items():
        assert type_ == "*" or type_ == fold(type_)
        for rule in rules:
            segments = rule.path.removeprefix("*.").split(".")
            assert [fold(segment) for segment in segments] == segments, rule


_leaf = st.one_of(st.integers(-5, 5), st.sampled_from(["a", "b", "true", ""]), st.booleans(), st.none())
_tree = st.recursive(
    _leaf,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["x", "y", "z"]), inner, max_size=3)
    ),
    max_leaves=12,
)
_documents = st.dictionaries(st.sampled_from(["Alpha", "beta", "gamma_delta"]), _tree, max_size=3)


@given(_documents)
def test_nothing_drifts_from_itself(document: dict[str, Any]) -> None:
    assert compare("AWS::Test::Thing", document, document).drifts == ()
    assert compare("AWS::Test::Thing", document, document, is_whole=True).drifts == ()


def _respelt(value: Any) -> Any:
    """The same document as another API would write it: keys in another case, arrays in another order."""
    if isinstance(value, dict):
        return {key.replace("_", "").upper(): _respelt(each) for key, each in reversed(value.items())}
    if isinstance(value, list):
        return [_respelt(each) for each in reversed(value)]
    return str(value) if type(value) is int else value


@given(_documents)
def test_another_spelling_of_a_document_does_not_drift(document: dict[str, Any]) -> None:
    assert compare("AWS::Test::Thing", document, _respelt(document), is_whole=True).drifts == ()


@given(st.dictionaries(st.sampled_from(["a", "b", "c"]), st.integers(0, 3), min_size=1), st.data())
def test_every_changed_leaf_is_found(document: dict[str, Any], data: st.DataObject) -> None:
    key = data.draw(st.sampled_from(sorted(document)))
    changed = {**document, key: document[key] + 10}
    assert paths(compare("AWS::Test::Thing", {"top": document}, {"top": changed})) == [f"top.{key}"]
