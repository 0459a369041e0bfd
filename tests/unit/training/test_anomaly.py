"""A resource stands out by what its peers agree on and it does not, and says so in a form that can be checked."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from domain.resource import ConfigurationItem, Origin, Provider, ResourceId
from domain.tenancy import TenantId
from tests.unit.training.made_history import START, Tables
from training.__main__ import main
from training.anomaly import ABSENT, Configured, Peers, anomalies, configured


def _bucket(name: str, **attributes: str) -> Configured:
    usual = {"encryption": "kms", "versioning": "on", "name": name}
    return Configured(name, "bucket", "account", {}, {**usual, **attributes})


def _item(name: str, properties: dict[str, Any], **facts: Any) -> ConfigurationItem:
    known: dict[str, Any] = {
        "tenant": TenantId("acme"), "uid": ResourceId(name), "provider": Provider.AWS, "type": "AWS::S3::Bucket",
        "name": name, "scope": "/accounts/1", "region": "", "tags": {}, "properties": properties, "captured_at": None,
        "digest": name, "origin": Origin("live"),
    }  # fmt: skip
    return ConfigurationItem(**(known | facts))


def test_the_one_that_differs_is_found_and_says_by_what() -> None:
    found = anomalies([*(_bucket(f"b{at}") for at in range(20)), _bucket("odd", encryption="none")])
    assert [one.uid for one in found] == ["odd"]
    (said,) = found[0].standing_out
    assert (said.attribute, said.value, said.usual, said.peers, said.share) == ("encryption", "none", "kms", 20, 1.0)
    assert str(said) == "encryption is none; 100 % of 20 peers have kms"


def test_an_attribute_on_which_peers_do_not_agree_makes_nobody_stand_out() -> None:
    assert anomalies([_bucket(f"b{at}", encryption=("kms", "aes")[at % 2]) for at in range(30)]) == ()


def test_few_peers_say_nothing() -> None:
    assert anomalies([*(_bucket(f"b{at}") for at in range(9)), _bucket("odd", encryption="none")]) == ()


def test_an_absent_attribute_stands_out_too() -> None:
    bare = replace(_bucket("bare"), attributes={"name": "bare", "encryption": "kms"})
    (found,) = anomalies([*(_bucket(f"b{at}") for at in range(20)), bare])
    assert (found.standing_out[0].attribute, found.standing_out[0].value) == ("versioning", ABSENT)


def test_the_rarer_value_is_the_more_surprising() -> None:
    some = [_bucket(f"s{at}", encryption="aes") for at in range(4)]
    found = anomalies([*(_bucket(f"b{at}") for at in range(40)), *some, _bucket("odd", encryption="none")])
    assert found[0].uid == "odd"
    assert found[0].score > found[1].score > 0


def test_peers_of_the_same_tag_count_by_themselves() -> None:
    open_dev = [
        replace(_bucket(f"d{at}", encryption="none"), tags={"env": "dev"}, scope=f"account{at}") for at in range(15)
    ]
    closed = [replace(_bucket(f"p{at}"), tags={"env": "prod"}, scope=f"other{at}") for at in range(15)]
    odd = replace(_bucket("odd", encryption="none"), tags={"env": "prod"}, scope="alone")
    found = anomalies([*open_dev, *closed, odd])
    assert [one.uid for one in found] == ["odd"]
    assert found[0].group == ("bucket", "tag", "env", "prod")


def test_a_live_resource_is_compared_by_its_leaves() -> None:
    one = configured(_item("b", {"Encryption": {"Rules": [{"x": 1}, "aes"]}, "Open": False}, tags={"env": "prod"}))
    assert one.attributes == {"Encryption.Rules": "2 of aes", "Open": "False", "tags.env": "prod"}


def test_a_resource_that_left_is_no_longer_a_peer() -> None:
    peers = Peers([_bucket(f"b{at}") for at in range(10)])
    assert peers.judge(_bucket("new", encryption="none"), is_counted=False) is not None
    peers.remove(_bucket("b0"))
    assert peers.judge(_bucket("new", encryption="none"), is_counted=False) is None


def test_planted_and_born_violations_are_judged_from_recorded_histories(tmp_path: Path) -> None:
    tables = Tables()
    for at in range(120):
        address, when = f"s/aws_s3_bucket.b{at}", START + timedelta(days=at)
        is_odd = at > 30 and at % 20 == 0
        kept = orjson.dumps({"acl": "public" if is_odd else "private", "versioning": "on"}).decode()
        tables.event("org/r", when, address, "create", attributes_json=kept)
        if is_odd:
            tables.violation("org/r", when, address, "PUBLIC")
    tables.edge("org/r", START, "s/aws_s3_bucket.b0", "s/aws_s3_bucket.b1")
    out = tmp_path / "anomalies.json"
    assert main(["anomalies", str(tables.write(tmp_path / "data")), "--json", str(out)]) == 0
    found = orjson.loads(out.read_bytes())
    assert found["born violating (real)"]["positives"] == 4
    assert found["born violating (real)"]["auroc"]["value"] == 1.0
    assert found["planted (synthetic)"]["planted"] == 1
    assert found["planted (synthetic)"]["explained by the planted attribute"] == 1.0


def test_a_folder_without_histories_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["anomalies", str(tmp_path)]) == 2
    assert "missing" in capsys.readouterr().err
