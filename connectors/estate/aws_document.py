"""An AWS record as AWS Config keeps it or as an API call answers, and the ids of an account's shared resources."""

from __future__ import annotations

from connectors.estate.company import Record, Stack, hub_region
from domain.resource import Provider
from domain.value import Json


def short_id(stack: Stack, prefix: str, index: int = 0) -> str:
    """An id such as ``vpc-0000000700000000a``, one for each prefix and index."""
    return f"{prefix}-{stack.serial:08x}{index:09x}"


def arn_of(stack: Stack, service: str, rest: str, *, region: str | None = None) -> str:
    """An ARN in the stack's account and region."""
    return f"arn:aws:{service}:{stack.region if region is None else region}:{stack.place.account}:{rest}"


def key_arn(stack: Stack) -> str:
    """The ARN of the stack's own key."""
    return arn_of(stack, "kms", f"key/{stack.guid(1)}")


def role_arn(stack: Stack) -> str:
    """The ARN of the stack's role."""
    return arn_of(stack, "iam", f"role/{stack.name}", region="")


def profile_arn(stack: Stack) -> str:
    """The ARN by which the stack's machines take its role."""
    return arn_of(stack, "iam", f"instance-profile/{stack.name}", region="")


def archive_name(stack: Stack) -> str:
    """The name of the bucket that keeps an account's logs."""
    return f"logs-{stack.place.hub}-{stack.place.account}"


def gateway_id(stack: Stack) -> str:
    """The id of the transit gateway of the stack's account."""
    return f"tgw-{stack.place.number:08x}{int(stack.place.account):x}"[:21].ljust(21, "0")


def wall_arn(stack: Stack) -> str:
    """The ARN of the web firewall that stands before every distribution of the account."""
    return arn_of(stack, "wafv2", f"global/webacl/{stack.place.hub}/{stack.place.account}", region="us-east-1")


def boundary_arn(stack: Stack) -> str:
    """The ARN of the policy that bounds every role of the account."""
    return arn_of(stack, "iam", f"policy/boundary-{stack.place.hub}", region="")


def config(
    stack: Stack,
    type_: str,
    name: str,
    arn: str,
    configuration: dict[str, Json],
    *,
    supplementary: dict[str, Json] | None = None,
    cost: float = 0.0,
    service: str = "",
    drift: tuple[str, Json] | None = None,
    id_: str | None = None,
    region: str | None = None,
) -> Record:
    """One configuration item of AWS Config."""
    tags = stack.tags()
    document: dict[str, Json] = {
        "version": "1.3",
        "accountId": stack.place.account,
        "configurationItemStatus": "OK",
        "arn": arn,
        "resourceType": type_,
        "resourceId": id_ or name,
        "resourceName": name,
        "awsRegion": region or stack.region,
        "tags": dict(tags),
        "relationships": [],
        "configuration": configuration,
        "supplementaryConfiguration": supplementary or {},
    }
    return Record(
        provider=Provider.AWS,
        uid=arn,
        name=name,
        type=type_,
        region=region or stack.region,
        account=stack.place.account,
        document=document,
        wrapper="resource",
        service=service or type_.split("::")[1],
        cents_month=round(cost * stack.environment.size * 100),
        tags=tags,
        beside={},
        drift=drift,
    )


def answer(
    stack: Stack,
    call: str,
    type_: str,
    uid: str,
    document: dict[str, Json],
    *,
    cost: float = 0.0,
    service: str = "",
    is_global: bool = False,
) -> Record:
    """One resource as an API call answers it.

    Args:
        call: service and operation, such as ``ec2:DescribeSnapshots``.
    """
    api, _, operation = call.partition(":")
    region = "" if is_global else stack.region
    return Record(
        provider=Provider.AWS,
        uid=uid,
        name=uid.rpartition("/")[2],
        type=type_,
        region=region or hub_region(Provider.AWS),
        account=stack.place.account,
        document=document,
        wrapper="data",
        service=service or type_.split("::")[1],
        cents_month=round(cost * stack.environment.size * 100),
        tags={},
        beside={"service": api, "operation": operation, "account": stack.place.account, "region": region},
    )


def aspect(
    stack: Stack, call: str, asked: tuple[str, str], of: Record, content: dict[str, Json], *, missing: str = ""
) -> Record:
    """What one more call tells of a resource; now and then the collector was not allowed to ask.

    Args:
        asked: the request's parameter and its value.
        missing: the error code by which the API says that there is nothing, in place of `content`.
    """
    api, _, operation = call.partition(":")
    document: dict[str, Json] = {"Error": {"Code": missing, "Message": "not set"}} if missing else content
    return Record(
        provider=Provider.AWS,
        uid=of.uid,
        name=of.name,
        type=of.type,
        region=of.region,
        account=stack.place.account,
        document=document,
        wrapper="data",
        service=of.service,
        cents_month=0,
        tags={},
        beside={"service": api, "operation": operation, "parameters": {asked[0]: asked[1]},
                "account": stack.place.account, "region": of.region},
        is_aspect=True,
    )  # fmt: skip
