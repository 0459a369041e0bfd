"""An asset as Cloud Asset Inventory exports it, the links by which assets name each other, and shared resources."""

from __future__ import annotations

from connectors.estate.company import Record, Stack, hub_region
from domain.resource import Provider
from domain.value import Json

ORGANISATION = "organizations/100000000001"
FOLDER = "folders/200000000001"


def zone_of(stack: Stack) -> str:
    """The zone in which the stack's machines are."""
    return f"{stack.region}-b"


def link(stack: Stack, path: str) -> str:
    """The self-link of one of the stack's own compute resources."""
    return f"https://www.googleapis.com/compute/v1/projects/{stack.place.project}/{path}"


def account_email(stack: Stack) -> str:
    """The stack's service account."""
    return f"{stack.short}@{stack.place.project}.iam.gserviceaccount.com"


def key_name(stack: Stack) -> str:
    """The key that a project's landing zone keeps for all its stacks."""
    place = stack.place
    return f"projects/{place.project}/locations/{hub_region(Provider.GCP)}/keyRings/{place.hub}/cryptoKeys/platform"


def archive_name(stack: Stack) -> str:
    """The bucket that keeps a project's logs."""
    return f"logs-{stack.place.project}"


def asset(
    stack: Stack,
    type_: str,
    path: str,
    data: dict[str, Json],
    *,
    cost: float = 0.0,
    service: str = "",
    drift: tuple[str, Json] | None = None,
    policy: Json = None,
    is_labelled: bool = True,
) -> Record:
    """One asset with its resource, and with its access policy where that is given."""
    host = type_.partition("/")[0]
    project = stack.place.project
    tags = stack.tags() if is_labelled else {}
    name = f"//{host}/{path}"
    labels: dict[str, Json] = {"labels": dict(tags)} if is_labelled else {}
    document: dict[str, Json] = {
        "name": name,
        "asset_type": type_,
        "ancestors": [f"projects/{project}", FOLDER, ORGANISATION],
        "resource": {
            "version": "v1",
            "discovery_name": type_.rpartition("/")[2],
            "parent": f"//cloudresourcemanager.googleapis.com/projects/{project}",
            "data": {**data, **labels},
        },
    }
    if policy is not None:
        document["iam_policy"] = policy
    return Record(
        provider=Provider.GCP,
        uid=name,
        name=path.rpartition("/")[2],
        type=type_,
        region=stack.region,
        account=project,
        document=document,
        wrapper="asset",
        service=service or host.partition(".")[0].capitalize(),
        cents_month=round(cost * stack.environment.size * 100),
        tags=tags,
        beside={},
        drift=drift,
    )


def compute(
    stack: Stack,
    kind: str,
    path: str,
    data: dict[str, Json],
    *,
    cost: float = 0.0,
    drift: tuple[str, Json] | None = None,
    is_labelled: bool = False,
) -> Record:
    """One resource of Compute Engine, named by the end of its path."""
    whole: dict[str, Json] = {"name": path.rpartition("/")[2], "selfLink": link(stack, path), **data}
    return asset(
        stack,
        f"compute.googleapis.com/{kind}",
        f"projects/{stack.place.project}/{path}",
        whole,
        cost=cost,
        service="Compute Engine",
        drift=drift,
        is_labelled=is_labelled,
    )


def bindings(role: str, member: str) -> Json:
    """An access policy of one role."""
    return {"version": 1, "bindings": [{"role": role, "members": [member]}]}
