from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from domain.drift import Declared, Drift, DriftKind
from domain.resource import ConfigurationItem, Provider
from graph.drift.detect import Coverage, Detector, Managed, detect
from graph.drift.match import ItemIndex, key_of
from tests.unit.graph.drift.estate import BUCKET, QUEUE, SCOPE, TENANT, baseline, declared, item

EVERYTHING = Coverage(is_everything=True)
VM = "/subscriptions/S/resourceGroups/{}/providers/Microsoft.Compute/virtualMachines/web"


def kinds(found: tuple[Drift, ...]) -> list[tuple[DriftKind, str]]:
    return [(drift.kind, drift.uid) for drift in found]


def test_a_resource_as_declared_does_not_drift() -> None:
    one = declared(properties={"DelaySeconds": 5}, tags={"env": "prod"})
    assert (
        detect(TENANT, [baseline(one)], [item(properties={"DelaySeconds": "5"}, tags={"env": "prod"})], EVERYTHING)
        == ()
    )


def test_attributes_and_tags_drift_together() -> None:
    one = declared(properties={"DelaySeconds": 5}, tags={"env": "prod"})
    found = detect(TENANT, [baseline(one)], [item(properties={"DelaySeconds": "9"}, tags={"env": "dev"})], EVERYTHING)
    assert [attribute.path for attribute in found[0].attributes] == ["DelaySeconds", "tags.env"]
    assert (found[0].baseline, found[0].address) == ("shop", "aws_sqs_queue.orders")


def test_a_short_id_means_the_one_resource_whose_id_ends_so() -> None:
    one = declared("https://sqs.eu-central-1.amazonaws.com/123456789012/orders", properties={"DelaySeconds": 5})
    found = detect(TENANT, [baseline(one)], [item(properties={"DelaySeconds": "9"})], EVERYTHING)
    assert kinds(found) == [(DriftKind.CHANGED, QUEUE)]


def test_a_log_group_is_the_same_with_and_without_its_trailer() -> None:
    arn = "arn:aws:logs:eu-central-1:123456789012:log-group:/shop/app"
    one = declared(arn, "AWS::Logs::LogGroup", {"retentionInDays": 30})
    here = item(f"{arn}:*", "AWS::Logs::LogGroup", {"retentionInDays": 30})
    assert detect(TENANT, [baseline(one)], [here], EVERYTHING) == ()


def test_what_nobody_declares_is_unmanaged_in_accounts_that_baselines_speak_of() -> None:
    other = item("arn:aws:sqs:eu-central-1:999999999999:theirs", scope="/accounts/999999999999")
    mine = item("arn:aws:sqs:eu-central-1:123456789012:mine")
    found = detect(TENANT, [baseline(declared())], [item(), mine, other], EVERYTHING)
    assert kinds(found) == [(DriftKind.UNMANAGED, mine.uid)]


def test_what_the_provider_makes_is_not_unmanaged() -> None:
    role = item(
        "arn:aws:iam::123456789012:role/aws-service-role/x/R", "AWS::IAM::Role", {"Path": "/aws-service-role/x/"}
    )
    network = item("arn:aws:ec2:eu-central-1:123456789012:vpc/vpc-1", "AWS::EC2::VPC", {"IsDefault": True})
    assert detect(TENANT, [baseline(declared())], [item(), role, network], EVERYTHING) == ()


def test_absence_is_concluded_only_where_it_is_proven() -> None:
    declared_one = [baseline(declared())]
    assert detect(TENANT, declared_one, [], Coverage()) == ()
    assert kinds(detect(TENANT, declared_one, [], EVERYTHING)) == [(DriftKind.MISSING, QUEUE)]
    listed = Coverage(listed=frozenset({((Provider.AWS, "123456789012"), "awssqsqueue")}))
    assert kinds(detect(TENANT, declared_one, [], listed)) == [(DriftKind.MISSING, QUEUE)]
    assert detect(TENANT, declared_one, [], replace(listed, unproven=frozenset({SCOPE}))) == ()
    gone = Coverage(gone=frozenset({key_of(QUEUE)}), unproven=frozenset({"*"}))
    assert kinds(detect(TENANT, declared_one, [], gone)) == [(DriftKind.MISSING, QUEUE)]


def test_what_was_never_applied_is_not_missing() -> None:
    planned = declared("", name="orders", properties={"DelaySeconds": 5})
    assert detect(TENANT, [baseline(planned)], [], EVERYTHING) == ()
    found = detect(TENANT, [baseline(planned)], [item(properties={"DelaySeconds": "6"})], EVERYTHING)
    assert kinds(found) == [(DriftKind.CHANGED, QUEUE)]


def test_a_resource_in_another_group_has_moved() -> None:
    before = declared(
        VM.format("a"), "Microsoft.Compute/virtualMachines",
        {"properties": {"hardwareProfile": {"vmSize": "B1"}}},
        provider=Provider.AZURE, scope="/subscriptions/S/resourceGroups/a",
    )  # fmt: skip
    after = item(
        VM.format("b"), "Microsoft.Compute/virtualMachines", {"properties": {"hardwareProfile": {"vmSize": "b1"}}},
        provider=Provider.AZURE, scope="/subscriptions/S/resourceGroups/b", region="",
    )  # fmt: skip
    found = detect(TENANT, [baseline(before)], [after], EVERYTHING)
    assert kinds(found) == [(DriftKind.MOVED, before.uid)]
    assert found[0].moved_to == after.uid
    assert [each.path for each in found[0].attributes] == ["@id", "@scope"]


def test_a_namesake_that_is_nothing_alike_is_not_the_moved_one() -> None:
    before = declared(
        VM.format("a"), "Microsoft.Compute/virtualMachines", {"properties": {"hardwareProfile": {"vmSize": "B1"}}},
        provider=Provider.AZURE, scope="/subscriptions/S/resourceGroups/a",
    )  # fmt: skip
    other = item(
        VM.format("b"), "Microsoft.Compute/virtualMachines", {"properties": {"hardwareProfile": {"vmSize": "D64"}}},
        provider=Provider.AZURE, scope="/subscriptions/S/resourceGroups/b",
    )  # fmt: skip
    found = detect(TENANT, [baseline(before)], [other], EVERYTHING)
    assert {kind for kind, _ in kinds(found)} == {DriftKind.MISSING, DriftKind.UNMANAGED}


def test_aspects_replace_what_the_resource_said_and_are_not_missing_themselves() -> None:
    own = declared(BUCKET, "AWS::S3::Bucket", {"PublicAccessBlock": {"BlockPublicAcls": False}}, address="b")
    aspect = declared(
        BUCKET, "AWS::S3::Bucket", {"PublicAccessBlock": {"BlockPublicAcls": True}}, address="pab", is_aspect=True
    )
    open_bucket = item(BUCKET, "AWS::S3::Bucket", {"PublicAccessBlock": {"BlockPublicAcls": False}})
    found = detect(TENANT, [baseline(own, aspect)], [open_bucket], EVERYTHING)
    assert [each.path for each in found[0].attributes] == ["PublicAccessBlock.BlockPublicAcls"]
    assert kinds(detect(TENANT, [baseline(aspect)], [], EVERYTHING)) == []


def test_the_drift_of_a_resource_keeps_its_id() -> None:
    one = [baseline(declared(properties={"DelaySeconds": 5}))]
    first = detect(TENANT, one, [item(properties={"DelaySeconds": 6})], EVERYTHING)
    second = detect(TENANT, one, [item(properties={"DelaySeconds": 7})], EVERYTHING)
    assert first[0].drift_id == second[0].drift_id


_NAMES = ("a", "b", "c", "d")
_TYPES = ("AWS::SQS::Queue", "AWS::SNS::Topic")


def _uid(name: str, place: int) -> str:
    return f"arn:aws:sqs:r{place}:123456789012:{name}"


_declarations = st.lists(
    st.builds(
        lambda name, place, delay, type_: declared(
            _uid(name, place), type_, {"DelaySeconds": delay}, address=f"{type_}.{name}{place}", name=name
        ),
        st.sampled_from(_NAMES),
        st.integers(0, 1),
        st.integers(0, 2),
        st.sampled_from(_TYPES),
    ),
    max_size=5,
    unique_by=lambda each: each.uid,
)
_items = st.lists(
    st.builds(
        lambda name, place, delay, type_: item(_uid(name, place), type_, {"DelaySeconds": delay}),
        st.sampled_from(_NAMES),
        st.integers(0, 1),
        st.integers(0, 2),
        st.sampled_from(_TYPES),
    ),
    max_size=6,
    unique_by=lambda each: each.uid,
)


@given(_declarations, _items, st.lists(st.tuples(st.booleans(), st.integers(0, 9), st.integers(0, 2)), max_size=6))
def test_after_any_changes_the_drifts_are_those_of_a_comparison_of_everything(
    declarations: list[Declared], items: list[ConfigurationItem], changes: list[tuple[bool, int, int]]
) -> None:
    baselines = [baseline(*declarations)]
    now = {each.uid: each for each in items}
    detector = Detector(TENANT, Managed.of(baselines), ItemIndex.of(items))
    known = {drift.drift_id: drift for drift in detector.all(EVERYTHING)}
    universe = [_uid(name, place) for name in _NAMES for place in (0, 1)]
    for is_gone, at, delay in changes:
        uid = universe[at % len(universe)]
        if is_gone:
            now.pop(uid, None)  # type: ignore[call-overload]
            detector.index.remove(uid)
        else:
            former = detector.index.by_key.get(key_of(uid))
            fresh = item(uid, former.type if former else _TYPES[0], {"DelaySeconds": delay})
            now[fresh.uid] = fresh
            detector.index.add(fresh)
        judged, drifts = detector.of([uid], EVERYTHING)
        known = {key: drift for key, drift in known.items() if key_of(drift.uid) not in judged}
        known |= {drift.drift_id: drift for drift in drifts}
    assert known == {drift.drift_id: drift for drift in detect(TENANT, baselines, now.values(), EVERYTHING)}
