"""Scopes: which resource lies in which, and where that is not known."""

from __future__ import annotations

import pytest

from domain.resource import ConfigurationItem, Provider
from policy.scope import ScopeTree, parse_scope
from policy.tree import Truth
from tests.unit.policy.governance import GROUP, MANAGEMENT_GROUP, SUBSCRIPTION, item

ACCOUNT = "arn:aws:organizations::111111111111:account/o-abc/222222222222"
UNIT = "arn:aws:organizations::111111111111:ou/o-abc/ou-ab12-prod"


def within(scope: str, provider: Provider, *places: str, containers: list[ConfigurationItem] | None = None) -> Truth:
    return ScopeTree.of(containers or []).chain(provider, *places).within(parse_scope(scope))


def subscription(*ancestors: str) -> ConfigurationItem:
    chain = [{"name": name, "displayName": name.title()} for name in ancestors]
    kind = "Microsoft.Resources/subscriptions"
    return item(SUBSCRIPTION, kind, SUBSCRIPTION, properties={"managementGroupAncestorsChain": chain})


def management_group(name: str, **details: object) -> ConfigurationItem:
    uid = f"/providers/Microsoft.Management/managementGroups/{name}"
    return item(uid, "Microsoft.Management/managementGroups", uid, properties={"details": details})


@pytest.mark.parametrize(
    ("text", "key", "is_container"),
    [
        ("/", "/", True),
        ("/subscriptions/S-1/", "/subscriptions/s-1", True),
        (GROUP, GROUP.lower(), True),
        (MANAGEMENT_GROUP, MANAGEMENT_GROUP.lower(), True),
        (f"{GROUP}/providers/Microsoft.Web/sites/W", f"{GROUP}/providers/Microsoft.Web/sites/W".lower(), False),
        ("222222222222", "accounts/222222222222", True),
        ("/accounts/222222222222", "accounts/222222222222", True),
        (ACCOUNT, "accounts/222222222222", True),
        (UNIT, "ous/ou-ab12-prod", True),
        ("ou-ab12-prod", "ous/ou-ab12-prod", True),
        ("o-abc", "organizations/o-abc", True),
        ("r-ab12", "roots/r-ab12", True),
        ("projects/shop", "projects/shop", True),
        ("//cloudresourcemanager.googleapis.com/folders/7", "folders/7", True),
        ("/organizations/1/folders/7/projects/shop", "projects/shop", True),
        ("arn:aws:s3:::bucket", "arn:aws:s3:::bucket", False),
    ],
)
def test_a_scope_has_one_key_however_it_is_spelled(text: str, key: str, is_container: bool) -> None:
    found = parse_scope(text)

    assert (found.key, found.is_container) == (key, is_container)


def test_azure_ids_say_which_group_and_subscription_they_are_in() -> None:
    uid = f"{GROUP}/providers/Microsoft.Web/sites/w"

    assert within("/", Provider.AZURE, GROUP) is Truth.TRUE
    assert within(SUBSCRIPTION.lower(), Provider.AZURE, GROUP, uid) is Truth.TRUE
    assert within(GROUP, Provider.AZURE, SUBSCRIPTION) is Truth.FALSE
    assert within("/subscriptions/s-2", Provider.AZURE, GROUP) is Truth.FALSE


def test_what_lies_in_a_management_group_is_unknown_until_somebody_read_it() -> None:
    assert within(MANAGEMENT_GROUP, Provider.AZURE, GROUP) is Truth.UNKNOWN
    assert within(MANAGEMENT_GROUP, Provider.AZURE, GROUP, containers=[subscription("corp", "root")]) is Truth.TRUE
    assert within(MANAGEMENT_GROUP, Provider.AZURE, GROUP, containers=[subscription("lab", "root")]) is Truth.FALSE
    assert within(MANAGEMENT_GROUP, Provider.AZURE, GROUP, containers=[subscription()]) is Truth.UNKNOWN


def test_what_lies_at_the_level_of_the_directory_is_in_no_subscription() -> None:
    role = "/providers/Microsoft.Authorization/roleDefinitions/reader"

    assert within(SUBSCRIPTION, Provider.AZURE, "", role) is Truth.FALSE
    assert within(MANAGEMENT_GROUP, Provider.AZURE, "", role) is Truth.FALSE
    assert within("/", Provider.AZURE, "", role) is Truth.TRUE


def test_a_bucket_does_not_say_its_project() -> None:
    assert within("projects/p", Provider.GCP, "", "//storage.googleapis.com/projects/_/buckets/b") is Truth.UNKNOWN


def test_management_groups_say_their_parent_and_their_children() -> None:
    child = management_group("web", parent={"id": MANAGEMENT_GROUP})
    child.properties["properties"]["children"] = [{"id": SUBSCRIPTION}, {"name": "no id"}, "not an object"]  # type: ignore[index,call-overload]
    top = management_group("corp", parent=None)

    assert within(MANAGEMENT_GROUP, Provider.AZURE, GROUP, containers=[child]) is Truth.TRUE
    other = "/providers/Microsoft.Management/managementGroups/lab"
    assert within(other, Provider.AZURE, GROUP, containers=[child]) is Truth.UNKNOWN
    assert within(other, Provider.AZURE, GROUP, containers=[child, top]) is Truth.FALSE
    chained = management_group("web", managementGroupAncestorsChain=[{"name": "corp"}, {}])
    assert within(MANAGEMENT_GROUP, Provider.AZURE, str(chained.uid), containers=[chained]) is Truth.TRUE


def test_aws_accounts_lie_in_units_that_the_organisation_names() -> None:
    account = item(ACCOUNT, "AWS::Organizations::Account", provider=Provider.AWS, ParentIds=["ou-ab12-prod"])
    unit = item(UNIT, "AWS::Organizations::OrganizationalUnit", provider=Provider.AWS, ParentId="r-ab12")
    arn = "arn:aws:organizations::111111111111:root/o-abc/r-ab12"
    root = item(arn, "AWS::Organizations::Root", provider=Provider.AWS)
    top = item("o-abc", "AWS::Organizations::Organization", provider=Provider.AWS)
    odd = item("arn:aws:other", "AWS::Organizations::Root", provider=Provider.AWS)
    place, everything = "/accounts/222222222222", [account, unit, root, top, odd]

    assert within("ou-ab12-prod", Provider.AWS, place) is Truth.UNKNOWN
    assert within("ou-ab12-prod", Provider.AWS, place, containers=[account]) is Truth.TRUE
    assert within("r-ab12", Provider.AWS, place, containers=everything) is Truth.TRUE
    assert within("ou-ab12-test", Provider.AWS, place, containers=everything) is Truth.FALSE
    assert within("ou-ab12-test", Provider.AWS, place, containers=[account]) is Truth.UNKNOWN
    assert within("o-abc", Provider.AWS, place, containers=[account]) is Truth.TRUE
    assert within("/accounts/333333333333", Provider.AWS, place) is Truth.FALSE
    assert within("/accounts/333333333333", Provider.AWS, "") is Truth.UNKNOWN


def test_google_paths_name_their_folders_and_projects_have_two_names() -> None:
    path = "/organizations/1/folders/7/projects/shop"
    uid = "//cloudresourcemanager.googleapis.com/projects/99"
    project = item(
        uid,
        "cloudresourcemanager.googleapis.com/Project",
        provider=Provider.GCP,
        projectId="shop",
        projectNumber=99,
        parent={"type": "folder", "id": "7"},
    )
    folder = item(
        "//cloudresourcemanager.googleapis.com/folders/7",
        "cloudresourcemanager.googleapis.com/Folder",
        provider=Provider.GCP,
        parent="organizations/1",
    )
    top = item(
        "//cloudresourcemanager.googleapis.com/organizations/1",
        "cloudresourcemanager.googleapis.com/Organization",
        provider=Provider.GCP,
    )
    odd = item("https://example.org/x", "cloudresourcemanager.googleapis.com/Project", provider=Provider.GCP)
    lost = item("//cloudresourcemanager.googleapis.com/folders/9", folder.type, provider=Provider.GCP)

    assert within("folders/7", Provider.GCP, path) is Truth.TRUE
    assert within("folders/8", Provider.GCP, path) is Truth.FALSE
    assert within("folders/7", Provider.GCP, "/projects/shop") is Truth.UNKNOWN
    assert within("folders/7", Provider.GCP, "/projects/shop", containers=[project]) is Truth.TRUE
    assert within("organizations/1", Provider.GCP, "/projects/99", containers=[project, folder, top, odd]) is Truth.TRUE
    assert within("folders/8", Provider.GCP, "/projects/shop", containers=[project]) is Truth.UNKNOWN
    assert within("folders/8", Provider.GCP, "/folders/9", containers=[lost]) is Truth.UNKNOWN
    assert within("folders/8", Provider.GCP, "/projects/shop", containers=[project, folder]) is Truth.FALSE
    assert within(SUBSCRIPTION, Provider.GCP, "/projects/shop") is Truth.FALSE


def test_containers_below_a_scope_are_found_however_deep() -> None:
    tree = ScopeTree.of([subscription("web", "corp"), item(f"{GROUP}/providers/Contoso.Net/gates/g", scope=GROUP)])

    assert tree.below(parse_scope(MANAGEMENT_GROUP))[-1] == SUBSCRIPTION.lower()
    assert tree.below(parse_scope(SUBSCRIPTION)) == (SUBSCRIPTION.lower(),)


def test_containers_in_a_circle_end() -> None:
    first = management_group("a", parent={"id": "/providers/Microsoft.Management/managementGroups/b"})
    second = management_group("b", parent={"id": "/providers/Microsoft.Management/managementGroups/a"})
    tree = ScopeTree.of([first, second])

    assert within(MANAGEMENT_GROUP, Provider.AZURE, str(first.uid), containers=[first, second]) is Truth.FALSE
    assert len(tree.below(parse_scope(str(first.uid)))) == 2
