"""Who may do what in an AWS stack: its role, its key and secrets, and service users with keys of their own."""

from __future__ import annotations

from collections.abc import Iterator

from connectors.estate.aws_document import answer, arn_of, aspect, boundary_arn, config, key_arn, profile_arn, role_arn
from connectors.estate.company import Record, Stack
from connectors.estate.dates import creation, past
from domain.clock import format_instant
from domain.value import Json

ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"


def identity(stack: Stack) -> Iterator[Record]:
    """Role, key and secret in every stack, a service user in some."""
    yield from _role(stack)
    yield _key(stack)
    for index in range(stack.random.randint(1, 2)):
        yield _secret(stack, index)
    if stack.has(0.35):
        yield from user(stack, f"svc-{stack.name}", is_person=False)


def _role(stack: Stack) -> Iterator[Record]:
    trusted: Json = {"AWS": "*"} if stack.is_flawed(0.2) else {"Service": "ec2.amazonaws.com"}
    statement: dict[str, Json] = {
        "Effect": "Allow",
        "Principal": trusted,
        "Action": "sts:AssumeRole",
    }
    arn = role_arn(stack)
    role = config(
        stack,
        "AWS::IAM::Role",
        stack.name,
        arn,
        {
            "roleName": stack.name,
            "arn": arn,
            "path": "/",
            "assumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [statement]},
            "permissionsBoundary": {"permissionsBoundaryArn": boundary_arn(stack)},
            "roleLastUsed": {"lastUsedDate": format_instant(creation(stack, days_max=180)), "region": stack.region},
        },
        region="global",
    )
    yield role
    granted = stack.either(READ_ONLY, ADMINISTRATOR, 0.6)
    yield from _attached(stack, "iam:ListAttachedRolePolicies", ("RoleName", stack.name), role, [granted])
    profile = profile_arn(stack)
    held: dict[str, Json] = {
        "InstanceProfileName": stack.name,
        "Arn": profile,
        "InstanceProfileId": f"AIPASYNTHETIC{stack.serial:08X}",
        "Path": "/",
        "Roles": [{"RoleName": stack.name, "Arn": arn}],
    }
    type_ = "AWS::IAM::InstanceProfile"
    yield answer(stack, "iam:GetInstanceProfile", type_, profile, {"InstanceProfile": held}, is_global=True)


def _attached(stack: Stack, call: str, asked: tuple[str, str], of: Record, policies: list[str]) -> Iterator[Record]:
    """What is attached; in a few accounts nobody granted that read."""
    if stack.is_flawed(0.2):
        return
    attached: list[Json] = [{"PolicyName": arn.rpartition("/")[2], "PolicyArn": arn} for arn in policies]
    yield aspect(stack, call, asked, of, {"AttachedPolicies": attached})


def _key(stack: Stack) -> Record:
    arn = key_arn(stack)
    state = stack.either("Enabled", "PendingDeletion", 0.15)
    return config(
        stack,
        "AWS::KMS::Key",
        arn.rpartition("/")[2],
        arn,
        {
            "keyId": arn.rpartition("/")[2],
            "arn": arn,
            "keyState": state,
            "keyManager": "CUSTOMER",
            "keySpec": "SYMMETRIC_DEFAULT",
            "origin": "AWS_KMS",
        },
        supplementary={"KeyRotationStatus": stack.either(True, False)},
        cost=1,
        service="AWS Key Management Service",
    )


def _secret(stack: Stack, index: int) -> Record:
    name = f"{stack.name}/{('database', 'partner')[index]}"
    arn = arn_of(stack, "secretsmanager", f"secret:{name}-{stack.serial % 10**6:06d}")
    used = stack.as_of.replace(hour=0, minute=0, second=0, microsecond=0)
    configuration: dict[str, Json] = {
        "ARN": arn,
        "name": name,
        "kmsKeyId": key_arn(stack),
        "rotationEnabled": stack.either(True, False, 1.5),
        "lastChangedDate": format_instant(creation(stack, days_max=90)),
        "lastAccessedDate": format_instant(creation(stack, days_max=90, factor=0.7) if stack.has(0.3) else used),
    }
    type_ = "AWS::SecretsManager::Secret"
    return config(stack, type_, name, arn, configuration, cost=0.4, service="AWS Secrets Manager")


def user(stack: Stack, name: str, *, is_person: bool) -> Iterator[Record]:
    """A user: people sign in with a password and a second factor, services with a key."""
    arn = arn_of(stack, "iam", f"user/{name}", region="")
    devices: list[Json] = []
    if is_person and not stack.is_flawed():
        devices = [{"SerialNumber": arn_of(stack, "iam", f"mfa/{name}", region=""), "UserName": name}]
    document: dict[str, Json] = {
        "UserName": name,
        "Arn": arn,
        "UserId": f"AIDASYNTHETIC{stack.serial:08X}{name[-2:].upper()}",
        "Path": "/",
        "CreateDate": format_instant(past(stack)),
        "MFADevices": devices,
        "Tags": [{"Key": "synthetic", "Value": "true"}],
    }
    if is_person:
        document["PasswordLastUsed"] = format_instant(creation(stack, days_max=45))
    found = answer(stack, "iam:GetUser", "AWS::IAM::User", arn, {"User": document}, is_global=True)
    yield found
    for device in devices:
        serial = arn_of(stack, "iam", f"mfa/{name}", region="")
        shown: dict[str, Json] = {"MFADevices": [device]}
        yield answer(stack, "iam:ListMFADevices", "AWS::IAM::VirtualMFADevice", serial, shown, is_global=True)
    profile: dict[str, Json] = {"UserName": name, "CreateDate": format_instant(past(stack))}
    yield aspect(
        stack, "iam:GetLoginProfile", ("UserName", name), found, {"LoginProfile": profile},
        missing="" if is_person else "NoSuchEntity",
    )  # fmt: skip
    granted = [stack.either(READ_ONLY, ADMINISTRATOR, 0.5)] if stack.is_flawed(2) else []
    yield from _attached(stack, "iam:ListAttachedUserPolicies", ("UserName", name), found, granted)
    if not is_person:
        yield _access_key(stack, name)


def _access_key(stack: Stack, name: str) -> Record:
    key = f"AKIASYNTHETIC{stack.serial % 10**7:07d}"
    metadata: dict[str, Json] = {
        "UserName": name,
        "AccessKeyId": key,
        "Status": "Active",
        "CreateDate": format_instant(creation(stack, days_max=90, factor=2)),
    }
    document: dict[str, Json] = {"AccessKeyMetadata": [metadata]}
    return answer(stack, "iam:ListAccessKeys", "AWS::IAM::AccessKey", key, document, is_global=True)
