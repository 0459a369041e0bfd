"""What an AWS stack keeps: buckets, a database and its snapshots, tables, caches and file systems."""

from __future__ import annotations

from collections.abc import Iterator

import orjson

from connectors.estate.aws_document import archive_name, arn_of, aspect, config, key_arn, short_id
from connectors.estate.company import Record, Stack
from connectors.estate.dates import creation, past
from domain.clock import format_instant
from domain.value import Json


def data(stack: Stack) -> Iterator[Record]:
    """A bucket and a database in every stack, the others in some."""
    yield from bucket(stack, f"{stack.name}-data-{stack.place.account[-4:]}", cost=60, logs_to=archive_name(stack))
    yield _database(stack)
    if stack.has(0.5):
        yield from _database_snapshot(stack)
    if stack.has(0.2):
        yield _aurora(stack)
    if stack.has(0.4):
        yield from _table(stack)
    if stack.has(0.25):
        yield _cache(stack)
    if stack.has(0.2):
        yield _files(stack)
    if stack.has(0.12):
        yield _search(stack)
    if stack.has(0.08):
        yield _warehouse(stack)


def bucket(stack: Stack, name: str, *, cost: float, logs_to: str) -> Iterator[Record]:
    """A bucket with all that AWS Config tells of it, and whether its policy makes it public."""
    arn = f"arn:aws:s3:::{name}"
    found = config(
        stack,
        "AWS::S3::Bucket",
        name,
        arn,
        {"name": name, "creationDate": format_instant(past(stack, days_max=900))},
        supplementary=_bucket_settings(stack, arn, logs_to),
        cost=cost,
        service="Amazon Simple Storage Service",
        drift=("supplementaryConfiguration.BucketVersioningConfiguration", {"status": "Suspended"}),
    )
    yield found
    if not stack.is_flawed(0.2):
        status: Json = {"IsPublic": stack.either(False, True, 0.2)}
        yield aspect(stack, "s3:GetBucketPolicyStatus", ("Bucket", name), found, {"PolicyStatus": status})


def _bucket_settings(stack: Stack, arn: str, logs_to: str) -> dict[str, Json]:
    blocked = stack.either(True, False, 0.8)
    encryption: dict[str, Json] = {"sseAlgorithm": "aws:kms", "kmsMasterKeyID": key_arn(stack)}
    if stack.is_flawed():
        encryption = {"sseAlgorithm": "AES256"}
    grants: list[Json] = [{"grantee": {"id": "synthetic-owner", "displayName": None}, "permission": "FullControl"}]
    if stack.is_flawed(0.2):
        grants.append({"grantee": "AllUsers", "permission": "Read"})
    secure: Json = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [arn, f"{arn}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    statements: list[Json] = [] if stack.is_flawed(1.5) else [secure]
    settings: dict[str, Json] = {
        "PublicAccessBlockConfiguration": {
            "blockPublicAcls": blocked,
            "ignorePublicAcls": blocked,
            "blockPublicPolicy": blocked,
            "restrictPublicBuckets": blocked,
        },
        "ServerSideEncryptionConfiguration": {"rules": [{"applyServerSideEncryptionByDefault": encryption}]},
        "BucketVersioningConfiguration": {"status": stack.either("Enabled", "Off")},
        "BucketLoggingConfiguration": {"destinationBucketName": stack.either(logs_to, None, 1.5)},
        "BucketPolicy": {"policyText": _text(statements)},
        "AccessControlList": {"grantList": grants, "owner": {"id": "synthetic-owner"}},
        "BucketLifecycleConfiguration": {
            "rules": [{"id": "old", "status": stack.either("Enabled", "Disabled", 1.5), "prefix": ""}]
        },
    }
    if stack.is_flawed(0.3):
        settings["BucketWebsiteConfiguration"] = {"indexDocument": {"suffix": "index.html"}}
    return settings


def _text(statements: list[Json]) -> str:
    return orjson.dumps({"Version": "2012-10-17", "Statement": statements}).decode()


def _database(stack: Stack) -> Record:
    name = f"db-{stack.name}"
    exported: list[Json] = ["postgresql", "upgrade"]
    configuration: dict[str, Json] = {
        "dBInstanceIdentifier": name,
        "dBInstanceClass": stack.either("db.m7g.large", "db.m4.large"),
        "dBInstanceStatus": "available",
        "engine": "postgres",
        "engineVersion": "16.4",
        "publiclyAccessible": stack.either(False, True, 0.25),
        "storageEncrypted": stack.either(True, False, 0.7),
        "kmsKeyId": key_arn(stack),
        "multiAZ": stack.either(True, False),
        "backupRetentionPeriod": stack.either(14, 1),
        "deletionProtection": stack.either(True, False),
        "autoMinorVersionUpgrade": stack.either(True, False),
        "copyTagsToSnapshot": stack.either(True, False),
        "enabledCloudwatchLogsExports": exported if not stack.is_flawed() else [],
        "performanceInsightsEnabled": stack.either(True, False),
        "iAMDatabaseAuthenticationEnabled": stack.either(True, False),
        "certificateDetails": {
            "cAIdentifier": "rds-ca-rsa2048-g1",
            "validTill": stack.either("2061-05-20T00:00:00Z", "2026-12-28T00:00:00Z", 0.7),
        },
        "vpcSecurityGroups": [{"vpcSecurityGroupId": short_id(stack, "sg"), "status": "active"}],
        "dBSubnetGroup": {
            "subnets": [{"subnetIdentifier": short_id(stack, "subnet", index)} for index in range(2)],
        },
    }
    return config(
        stack,
        "AWS::RDS::DBInstance",
        name,
        arn_of(stack, "rds", f"db:{name}"),
        configuration,
        cost=310,
        service="Amazon Relational Database Service",
        drift=("configuration.publiclyAccessible", True),
    )


def _database_snapshot(stack: Stack) -> Iterator[Record]:
    name = f"db-{stack.name}-release"
    arn = arn_of(stack, "rds", f"snapshot:{name}")
    found = config(
        stack,
        "AWS::RDS::DBSnapshot",
        name,
        arn,
        {
            "dBSnapshotIdentifier": name,
            "dBSnapshotArn": arn,
            "dBInstanceIdentifier": f"db-{stack.name}",
            "snapshotType": "manual",
            "snapshotCreateTime": format_instant(creation(stack, days_max=365)),
            "encrypted": stack.either(True, False, 0.7),
            "kmsKeyId": key_arn(stack),
        },
        cost=12,
        service="Amazon Relational Database Service",
    )
    yield found
    values: list[Json] = ["all"] if stack.is_flawed(0.2) else []
    result: dict[str, Json] = {
        "DBSnapshotIdentifier": name,
        "DBSnapshotAttributes": [{"AttributeName": "restore", "AttributeValues": values}],
    }
    asked = ("DBSnapshotIdentifier", arn)
    call = "rds:DescribeDBSnapshotAttributes"
    yield aspect(stack, call, asked, found, {"DBSnapshotAttributesResult": result})


def _aurora(stack: Stack) -> Record:
    name = f"aurora-{stack.name}"
    configuration: dict[str, Json] = {
        "dBClusterIdentifier": name,
        "engine": "aurora-postgresql",
        "engineVersion": "16.4",
        "storageEncrypted": stack.either(True, False, 0.7),
        "kmsKeyId": key_arn(stack),
        "multiAZ": stack.either(True, False),
        "backupRetentionPeriod": stack.either(14, 1),
        "deletionProtection": stack.either(True, False),
        "vpcSecurityGroups": [{"vpcSecurityGroupId": short_id(stack, "sg"), "status": "active"}],
    }
    return config(
        stack,
        "AWS::RDS::DBCluster",
        name,
        arn_of(stack, "rds", f"cluster:{name}"),
        configuration,
        cost=480,
        service="Amazon Relational Database Service",
        drift=("configuration.deletionProtection", False),
    )


def _table(stack: Stack) -> Iterator[Record]:
    name = f"{stack.name}-events"
    arn = arn_of(stack, "dynamodb", f"table/{name}")
    configuration: dict[str, Json] = {
        "tableName": name,
        "tableArn": arn,
        "tableStatus": "ACTIVE",
        "deletionProtectionEnabled": stack.either(True, False),
        "billingModeSummary": {"billingMode": "PAY_PER_REQUEST"},
    }
    if not stack.is_flawed(1.5):
        configuration["sSEDescription"] = {"status": "ENABLED", "sSEType": "KMS", "kMSMasterKeyArn": key_arn(stack)}
    table = config(stack, "AWS::DynamoDB::Table", name, arn, configuration, cost=35, service="Amazon DynamoDB")
    yield table
    recovery: Json = {"PointInTimeRecoveryStatus": stack.either("ENABLED", "DISABLED")}
    content: dict[str, Json] = {
        "ContinuousBackupsDescription": {
            "ContinuousBackupsStatus": "ENABLED",
            "PointInTimeRecoveryDescription": recovery,
        }
    }
    yield aspect(stack, "dynamodb:DescribeContinuousBackups", ("TableName", arn), table, content)


def _cache(stack: Stack) -> Record:
    name = f"cache-{stack.name}"
    arn = arn_of(stack, "elasticache", f"replicationgroup:{name}")
    configuration: dict[str, Json] = {
        "replicationGroupId": name,
        "aRN": arn,
        "atRestEncryptionEnabled": stack.either(True, False),
        "transitEncryptionEnabled": stack.either(True, False),
        "automaticFailover": stack.either("enabled", "disabled"),
        "kmsKeyId": key_arn(stack),
    }
    type_ = "AWS::ElastiCache::ReplicationGroup"
    return config(stack, type_, name, arn, configuration, cost=95, service="Amazon ElastiCache")


def _files(stack: Stack) -> Record:
    files = short_id(stack, "fs")
    arn = arn_of(stack, "elasticfilesystem", f"file-system/{files}")
    encrypted = stack.either(True, False)
    configuration: dict[str, Json] = {"fileSystemId": files, "arn": arn, "encrypted": encrypted}
    if encrypted:
        configuration["kmsKeyId"] = key_arn(stack)
    return config(
        stack, "AWS::EFS::FileSystem", files, arn, configuration, cost=40, service="Amazon Elastic File System"
    )


def _search(stack: Stack) -> Record:
    name = f"search-{stack.serial}"
    arn = arn_of(stack, "es", f"domain/{name}")
    configuration: dict[str, Json] = {
        "domainName": name,
        "arn": arn,
        "encryptionAtRestOptions": {"enabled": stack.either(True, False), "kmsKeyId": key_arn(stack)},
        "nodeToNodeEncryptionOptions": {"enabled": stack.either(True, False)},
    }
    if not stack.is_flawed():
        configuration["vPCOptions"] = {
            "vPCId": short_id(stack, "vpc"),
            "subnetIds": [short_id(stack, "subnet")],
            "securityGroupIds": [short_id(stack, "sg")],
        }
    type_ = "AWS::OpenSearchService::Domain"
    return config(stack, type_, name, arn, configuration, cost=220, service="Amazon OpenSearch Service")


def _warehouse(stack: Stack) -> Record:
    name = f"dw-{stack.name}"
    configuration: dict[str, Json] = {
        "clusterIdentifier": name,
        "nodeType": stack.either("ra3.large", "ds2.xlarge"),
        "encrypted": stack.either(True, False),
        "kmsKeyId": key_arn(stack),
        "publiclyAccessible": stack.either(False, True, 0.25),
        "enhancedVpcRouting": stack.either(True, False),
        "allowVersionUpgrade": stack.either(True, False),
        "automatedSnapshotRetentionPeriod": stack.either(14, 1),
        "vpcId": short_id(stack, "vpc"),
    }
    arn = arn_of(stack, "redshift", f"cluster:{name}")
    return config(stack, "AWS::Redshift::Cluster", name, arn, configuration, cost=540, service="Amazon Redshift")
