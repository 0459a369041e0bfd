"""Recorded histories and live tenants go through one feature code: the same changes give the same numbers."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from domain.errors import InputError
from domain.finding import PolicyId
from domain.resource import ConfigurationItem, Origin, Provider, ResourceId
from domain.tenancy import TenantId
from tests.unit.training.made_history import START, Tables, grown
from training.births import births
from training.history import Timeline
from training.live import Changed, Found, changed_attributes, live_timeline, stack_of
from training.recorded import read_histories
from training.task import features_of, labels, see

CUTOFF = START + timedelta(weeks=25)
TENANT = TenantId("acme")


def item(address: str, *, version: int = 0, attributes: int = 2, **facts: Any) -> ConfigurationItem:
    """A resource as a collector would see it, with so many attributes that change with its version."""
    stack, _, name = address.rpartition("/")
    known: dict[str, Any] = {
        "tenant": TENANT, "uid": ResourceId(address), "provider": Provider.AWS, "type": name.split(".")[0],
        "name": name.split(".")[1], "scope": stack, "region": "main.tf", "tags": {},
        "properties": {f"p{number}": version for number in range(attributes)}, "captured_at": None,
        "digest": f"{address}{version}", "origin": Origin("live"),
    }  # fmt: skip
    return ConfigurationItem(**(known | facts))


def lived(tables: Tables, repo: str, end: datetime) -> Timeline:
    """The changes of a recorded repository as a shard would have seen them."""
    targets = defaultdict[tuple[object, object], set[ResourceId]](set)
    for row in tables.edges:
        targets[row["repo"], row["src"]].add(ResourceId(str(row["dst"])))
    changes, state = [], dict[str, ConfigurationItem]()
    ordered = sorted((row for row in tables.events if row["repo"] == repo), key=lambda row: str(row["time"]))
    for version, row in enumerate(ordered):
        address, count = str(row["resource_address"]), int(str(row["n_changed_attrs"]))
        before = state.pop(address, None)
        after = None if row["action"] == "delete" else item(address, version=version, attributes=count)
        if after is not None:
            state[address] = after
        at, who = row["time"], str(row["author_hash"])
        assert isinstance(at, datetime)
        changes.append(
            Changed(at, before, after, frozenset(targets[repo, address]), who, bool(row["bot"]), str(row["commit"]))
        )
    findings = [
        Found(row["time"], ResourceId(str(row["resource_address"])), PolicyId(str(row["check_id"])), is_open=True)  # type: ignore[arg-type]
        for row in tables.violations
        if row["repo"] == repo
    ]
    return live_timeline(repo, "aws", changes[::-1], findings, end=end)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[tuple[Timeline, ...], tuple[Timeline, ...]]:
    tables = grown(seed=5)
    for row in tables.events:  # a recorded deletion counts no attributes
        row["n_changed_attrs"] = 3
    folder: Path = tables.write(tmp_path_factory.mktemp("both"))
    recorded = read_histories(folder)
    live = tuple(lived(tables, one.tenant, recorded.end) for one in recorded.timelines)
    return recorded.timelines, live


def test_live_and_recorded_histories_give_equal_features_and_labels(
    both: tuple[tuple[Timeline, ...], tuple[Timeline, ...]],
) -> None:
    (recorded, prior), (live, live_prior) = (see(one, CUTOFF) for one in both)
    for one, other, histories in zip(recorded, live, zip(*both, strict=True), strict=True):
        ours, theirs = features_of(one, prior), features_of(other, live_prior)
        assert one.past.nodes.uids == other.past.nodes.uids
        assert len(ours.values) > 20
        for at, name in enumerate(ours.names):
            np.testing.assert_array_equal(ours.values[:, at], theirs.values[:, at], err_msg=name)
        found = [labels(seen, history.outcome(CUTOFF)) for seen, history in zip((one, other), histories, strict=True)]
        for task, expected in found[0].items():
            np.testing.assert_array_equal(found[1][task], expected)


def test_live_and_recorded_births_give_equal_rows(
    both: tuple[tuple[Timeline, ...], tuple[Timeline, ...]],
) -> None:
    recorded, live = (births([one.until(CUTOFF) for one in histories]) for histories in both)
    assert len(recorded.labels) > 20
    np.testing.assert_array_equal(recorded.values, live.values)
    np.testing.assert_array_equal(recorded.labels, live.labels)


def test_an_edge_goes_when_its_source_no_longer_refers_to_it() -> None:
    one, two = item("s/aws_s3_bucket.a"), item("s/aws_kms_key.k")
    changes = [
        Changed(START, None, two),
        Changed(START, None, one, frozenset({two.uid})),
        Changed(START + timedelta(days=1), one, item("s/aws_s3_bucket.a", version=1)),
    ]
    history = live_timeline("acme", "aws", changes, [], end=START + timedelta(days=30))
    edges = history.until(START + timedelta(days=2)).edges
    assert edges.added.tolist() == [True, False]
    assert set(zip(edges.source.tolist(), edges.target.tolist(), strict=True)) == {(1, 0)}


def test_changed_attributes_are_counted_with_tags_each_by_itself() -> None:
    before = item("s/aws_s3_bucket.a", tags={"team": "a", "cost": "1"})
    after = item("s/aws_s3_bucket.a", version=1, tags={"team": "a", "cost": "2"})
    assert changed_attributes(before, after) == 3
    assert changed_attributes(None, before) == 4
    assert changed_attributes(before, before) == 0


def test_a_stack_is_the_deployment_where_a_tag_names_it() -> None:
    assert stack_of(item("s/aws_s3_bucket.a")) == "s"
    tagged = item("s/aws_s3_bucket.a", tags={"aws:cloudformation:stack-name": "shop"})
    assert stack_of(tagged) == "s#shop"


def test_a_live_type_goes_by_the_name_that_was_learned_from(
    both: tuple[tuple[Timeline, ...], tuple[Timeline, ...]],
) -> None:
    live = item("s/aws_s3_bucket.a", type="AWS::S3::Bucket")
    declared = {"aws::s3::bucket": "aws_s3_bucket"}
    history = live_timeline("acme", "aws", [Changed(START, None, live)], [], end=START, declared=declared)
    (seen,), prior = see([history], START)
    assert seen.past.nodes.type.names == ("resource:aws_s3_bucket",)
    (recorded, *_), learned = see(both[0], CUTOFF)
    names = features_of(recorded, learned).names
    told = features_of(seen, prior.merged([learned])).values[0, names.index("type.near_openings_120")]
    unheard = live_timeline("acme", "aws", [Changed(START, None, live)], [], end=START)
    (other,), _ = see([unheard], START)
    assert told != features_of(other, prior.merged([learned])).values[0, names.index("type.near_openings_120")]


def test_a_change_of_nothing_is_refused() -> None:
    with pytest.raises(InputError, match="change of nothing"):
        live_timeline("acme", "aws", [Changed(START, None, None)], [], end=START)


def test_a_tenant_without_history_has_no_rows() -> None:
    history = live_timeline("acme", "aws", [], [], end=START)
    seen, prior = see([history], START)
    assert features_of(seen[0], prior).values.shape[0] == 0
