"""Relationships read out of documents."""

from __future__ import annotations

import random

from domain.resource import ConfigurationItem, Provider, Relationship
from domain.value import Json
from graph.references import find_references, relationships
from tests.unit.graph.estate import item

RG = "/subscriptions/s/resourceGroups/g"
NET = f"{RG}/providers/Microsoft.Network"


def azure(kind: str, name: str, properties: dict[str, Json] | None = None, **top: Json) -> ConfigurationItem:
    return item(f"{RG}/providers/{kind}/{name}", kind, {"properties": properties or {}, **top}, scope=RG)


def aws(arn: str, kind: str, document: dict[str, Json] | None = None, scope: str = "/accounts/1") -> ConfigurationItem:
    return item(arn, kind, document, provider=Provider.AWS, scope=scope)


def gcp(uid: str, kind: str, document: dict[str, Json] | None = None) -> ConfigurationItem:
    return item(uid, kind, document, provider=Provider.GCP, scope="/projects/p")


def shown(found: tuple[Relationship, ...]) -> set[str]:
    """`machine -hard attached_to-> card`, by the last part of the ids."""
    return {
        f"{r.source.rpartition('/')[2]} -{r.strength.value} {r.kind.value}-> {r.target.rpartition('/')[2]}"
        for r in found
    }


def test_an_azure_machine_depends_on_card_disk_and_network() -> None:
    vm, disk = f"{RG}/providers/Microsoft.Compute/virtualMachines/vm", f"{RG}/providers/Microsoft.Compute/disks/disk"
    found = relationships(
        [
            azure(
                "Microsoft.Compute/virtualMachines",
                "vm",
                {
                    "networkProfile": {"networkInterfaces": [{"id": f"{NET}/networkInterfaces/NIC"}]},
                    "storageProfile": {"osDisk": {"managedDisk": {"id": disk}}},
                },
                identity={"userAssignedIdentities": {f"{RG}/providers/Microsoft.ManagedIdentity/x/none": {}}},
            ),
            azure("Microsoft.Compute/disks", "disk", managedBy=vm),
            azure(
                "Microsoft.Network/networkInterfaces",
                "nic",
                {
                    "virtualMachine": {"id": vm},
                    "networkSecurityGroup": {"id": f"{NET}/networkSecurityGroups/nsg"},
                    "ipConfigurations": [{"properties": {"subnet": {"id": f"{NET}/virtualNetworks/vnet/subnets/a"}}}],
                },
            ),
            azure("Microsoft.Network/networkSecurityGroups", "nsg"),
            azure(
                "Microsoft.Network/virtualNetworks",
                "vnet",
                {"subnets": [{"id": f"{NET}/virtualNetworks/vnet/subnets/a"}]},
            ),
        ]
    )
    assert shown(found) == {
        "vm -hard attached_to-> nic",
        "vm -hard mounts-> disk",
        "nic -soft network-> nsg",
        "nic -hard network-> vnet",
    }
    card = next(r for r in found if r.target.endswith("/nic"))
    assert card.path == "properties.networkProfile.networkInterfaces[*].id"


def test_arm_ids_contain_each_other_up_to_the_subscription() -> None:
    found = relationships(
        [
            item("/subscriptions/s", "Microsoft.Resources/subscriptions"),
            item(RG, "Microsoft.Resources/resourceGroups"),
            azure("Microsoft.Sql/servers", "sql", {"own": f"{RG}/providers/Microsoft.Sql/servers/sql/databases/db"}),
            item(f"{RG}/providers/Microsoft.Sql/servers/sql/databases/db", "Microsoft.Sql/servers/databases"),
        ]
    )
    assert shown(found) == {
        "g -hard contains-> s",
        "sql -hard contains-> g",
        "db -hard contains-> sql",
    }


def test_a_child_that_names_its_parent_says_nothing_new() -> None:
    server = f"{RG}/providers/Microsoft.Sql/servers/sql"
    child = item(f"{server}/databases/db", "Microsoft.Sql/servers/databases", {"home": server})
    assert shown(relationships([azure("Microsoft.Sql/servers", "sql"), child])) == {"db -hard contains-> sql"}


def test_vault_addresses_and_identities_lead_to_their_items() -> None:
    identity = f"{RG}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/me"
    found = relationships(
        [
            azure("Microsoft.KeyVault/vaults", "Keys"),
            azure("Microsoft.ManagedIdentity/userAssignedIdentities", "me"),
            azure(
                "Microsoft.Storage/storageAccounts",
                "acct",
                {"encryption": {"keyvaultproperties": {"keyidentifier": "https://keys.vault.azure.net/keys/k/1"}}},
                identity={"userAssignedIdentities": {identity: {}}},
            ),
        ]
    )
    assert shown(found) == {"acct -hard encrypted_by-> Keys", "acct -hard assumes-> me"}


def test_aws_short_ids_arns_and_names_lead_to_their_items() -> None:
    ec2 = "arn:aws:ec2:eu-west-1:1"
    key = "arn:aws:kms:eu-west-1:1:key/11111111-2222-3333-4444-555555555555"
    found = relationships(
        [
            aws("arn:aws:organizations::1:account/o-1/1", "AWS::Organizations::Account", scope=""),
            aws(f"{ec2}:vpc/vpc-0000000a", "AWS::EC2::VPC", {"VpcId": "vpc-0000000a"}),
            aws(f"{ec2}:subnet/subnet-0000000b", "AWS::EC2::Subnet", {"VpcId": "vpc-0000000a"}),
            aws(
                f"{ec2}:instance/i-0000000c",
                "AWS::EC2::Instance",
                {
                    "SubnetId": "subnet-0000000b",
                    "BlockDeviceMappings": [{"Ebs": {"VolumeId": "vol-0000000d"}}],
                    "SecurityGroups": [{"GroupId": "sg-0000dead"}],
                },
            ),
            aws(
                f"{ec2}:volume/vol-0000000d",
                "AWS::EC2::Volume",
                {"KmsKeyId": key, "Attachments": [{"InstanceId": "i-0000000c", "VolumeId": "vol-0000000d"}]},
            ),
            aws(key, "AWS::KMS::Key"),
            aws("arn:aws:kms:eu-west-1:1:alias/app", "AWS::KMS::Alias", {"TargetKeyId": key[-36:]}),
            aws("arn:aws:s3:::logs", "AWS::S3::Bucket"),
            aws(
                "arn:aws:s3:::data",
                "AWS::S3::Bucket",
                {
                    "BucketLogging": {"LoggingEnabled": {"TargetBucket": "arn:aws:s3:::logs"}},
                    "BucketEncryption": {"Rules": [{"KMSMasterKeyID": "alias/app"}]},
                    "BucketPolicy": {"Statement": [{"Resource": "arn:aws:s3:::logs/*"}]},
                },
            ),
        ]
    )
    edges = shown(found)
    assert {
        "subnet-0000000b -hard contains-> vpc-0000000a",
        "i-0000000c -hard network-> subnet-0000000b",
        "i-0000000c -hard mounts-> vol-0000000d",
        "vol-0000000d -hard encrypted_by-> 11111111-2222-3333-4444-555555555555",
        "app -hard attached_to-> 11111111-2222-3333-4444-555555555555",
        "arn:aws:s3:::data -hard encrypted_by-> app",
        "arn:aws:s3:::data -soft references-> arn:aws:s3:::logs",
        "arn:aws:s3:::data -hard contains-> 1",
    } <= edges


def test_a_plain_name_leads_to_the_item_of_that_type_in_the_same_scope() -> None:
    logging: dict[str, Json] = {"bucketLogging": {"loggingEnabled": [{"targetBucket": "arn:aws:s3:::LOGS"}]}}
    found = relationships(
        [
            aws("arn:aws:s3:::logs", "AWS::S3::Bucket"),
            aws("arn:aws:s3:::data", "AWS::S3::Bucket", logging),
            aws("arn:aws:s3:::far", "AWS::S3::Bucket", logging, scope="/accounts/2"),
            aws("arn:aws:s3:::odd", "AWS::S3::Bucket", {"BucketLogging": {"TargetBucket": 7}}),
        ]
    )
    assert [(r.source, r.target) for r in found] == [("arn:aws:s3:::data", "arn:aws:s3:::logs")]


def test_google_links_relative_names_and_addresses_lead_to_their_items() -> None:
    base = "//compute.googleapis.com/projects/p"
    mail = "me@p.iam.gserviceaccount.com"
    found = relationships(
        [
            gcp("//cloudresourcemanager.googleapis.com/projects/p", "cloudresourcemanager.googleapis.com/Project"),
            gcp(f"{base}/global/networks/net", "compute.googleapis.com/Network"),
            gcp(
                f"{base}/regions/r/subnetworks/sub",
                "compute.googleapis.com/Subnetwork",
                {"network": "https://www.googleapis.com/compute/v1/projects/p/global/networks/net"},
            ),
            gcp(
                f"{base}/zones/z/disks/disk",
                "compute.googleapis.com/Disk",
                {
                    "users": ["https://www.googleapis.com/compute/v1/projects/p/zones/z/instances/vm"],
                    "diskEncryptionKey": {
                        "kmsKeyName": "projects/p/locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1"
                    },
                },
            ),
            gcp(
                f"{base}/zones/z/instances/vm",
                "compute.googleapis.com/Instance",
                {
                    "machineType": f"https:{base}/zones/z/machineTypes/n1",
                    "networkInterfaces": [{"subnetwork": "projects/p/regions/r/subnetworks/sub"}],
                    "serviceAccounts": [{"email": mail}],
                    "gone": "projects/p/zones/z/disks/gone",
                },
            ),
            gcp(
                "//cloudkms.googleapis.com/projects/p/locations/l/keyRings/r/cryptoKeys/k",
                "cloudkms.googleapis.com/CryptoKey",
                {"bindings": [{"members": [f"serviceAccount:{mail}", "user:someone"]}]},
            ),
            gcp(f"//iam.googleapis.com/projects/p/serviceAccounts/{mail}", "iam.googleapis.com/ServiceAccount"),
        ]
    )
    assert {
        "net -hard contains-> p",
        "sub -hard contains-> net",
        "vm -hard network-> sub",
        "vm -hard mounts-> disk",
        f"vm -hard assumes-> {mail}",
        "disk -hard encrypted_by-> k",
        f"{mail} -soft has_permission-> k",
    } <= shown(found)


def test_what_leads_nowhere_is_returned_with_its_place() -> None:
    found = find_references(
        [
            azure(
                "Microsoft.Web/sites",
                "site",
                {
                    "farms": [f"{RG}/providers/Microsoft.Web/serverfarms/gone"],
                    "docs": "https://example.org/page",
                    "provider": "/providers/Microsoft.Web",
                    "builtin": "/providers/Microsoft.Authorization/policyDefinitions/x",
                    "group": RG,
                    "folder": "folders/12",
                },
            ),
            aws(
                "arn:aws:lambda:r:1:function:f",
                "AWS::Lambda::Function",
                {
                    "Role": "arn:aws:iam::1:role/gone",
                    "Managed": "arn:aws:iam::aws:policy/ReadOnly",
                    "Any": "arn:aws:s3:::*",
                    "Short": "sg-0123abcd",
                    "Word": "subtle",
                    "Bad": "arn:aws",
                },
            ),
            gcp("//x.googleapis.com/projects/p/things/a", "x/Thing", {"disk": "projects/p/zones/z/disks/gone"}),
        ]
    )
    assert [(missing.path, missing.value) for missing in found.dangling] == [
        ("properties.farms[*]", f"{RG}/providers/Microsoft.Web/serverfarms/gone"),
        ("Role", "arn:aws:iam::1:role/gone"),
        ("Short", "sg-0123abcd"),
        ("disk", "projects/p/zones/z/disks/gone"),
    ]
    assert found.relationships() == ()


def test_a_short_id_in_two_accounts_means_the_one_of_the_same_account() -> None:
    def group(account: str) -> ConfigurationItem:
        arn = f"arn:aws:ec2:r:{account}:security-group/sg-0123abcd"
        return aws(arn, "AWS::EC2::SecurityGroup", scope=f"/accounts/{account}")

    def user(account: str) -> ConfigurationItem:
        arn = f"arn:aws:lambda:r:{account}:function:f"
        return aws(arn, "AWS::Lambda::Function", {"g": ["sg-0123abcd"]}, scope=f"/accounts/{account}")

    found = find_references([group("1"), group("2"), user("2"), user("3")])
    assert [(r.source, r.target) for r in found.relationships()] == [
        ("arn:aws:lambda:r:2:function:f", "arn:aws:ec2:r:2:security-group/sg-0123abcd")
    ]
    assert [missing.source for missing in found.dangling] == ["arn:aws:lambda:r:3:function:f"]


def test_one_kind_of_edge_stands_once_and_the_hard_one_wins() -> None:
    plan = f"{RG}/providers/Microsoft.Web/serverfarms/plan"
    found = relationships(
        [
            azure("Microsoft.Web/serverfarms", "plan"),
            azure("Microsoft.Web/things", "t", {"b": {"serverFarmId": plan}, "a": {"serverFarmId": plan}, "c": plan}),
        ]
    )
    assert [(r.kind.value, r.path) for r in found] == [
        ("attached_to", "properties.a.serverFarmId"),
        ("references", "properties.c"),
    ]


def test_the_order_of_the_items_changes_nothing_but_the_rows() -> None:
    items = [
        azure("Microsoft.Web/sites", f"s{n}", {"next": f"{RG}/providers/Microsoft.Web/sites/s{(n * 7) % 20}"})
        for n in range(20)
    ]
    expected = set(relationships(items))
    random.Random(3).shuffle(items)
    assert set(relationships(items)) == expected
    assert len(expected) == 18


def test_no_items_have_no_relationships() -> None:
    assert relationships([]) == ()
