"""What a reference means, by where it stands and what it names: data, first match wins.

A rule applies where an id was found. `source` and `target` are types, lower-case, empty for any. `path` is the end
of the place in the document, lower-case, without array marks: ``networkprofile.networkinterfaces.id``. Rules with a
source go before rules without, longer paths before shorter ones. `Direction.REVERSE` turns the edge round: a disk
that names the machine it is attached to does not depend on it; the machine depends on the disk.

Source: the property names are the providers' own (ARM templates reference, AWS Config resource schema, Google Cloud
API reference, Kubernetes API reference); kinds and strengths are ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from domain.resource import RelationshipKind, Strength


class Direction(StrEnum):
    """Which end depends on the other: the item where the id was found, or the one it names."""

    FORWARD = "forward"
    REVERSE = "reverse"


@dataclass(frozen=True, slots=True)
class Rule:
    """What an id found at `path` of a `source` means when it names a `target`."""

    source: str
    path: str
    target: str
    kind: RelationshipKind
    strength: Strength
    direction: Direction = Direction.FORWARD


@dataclass(frozen=True, slots=True)
class NameRule:
    """A place that names another resource of `target` type in the same scope by its plain name."""

    source: str
    path: str
    target: str
    kind: RelationshipKind
    strength: Strength


_ROWS = """
# Azure
microsoft.compute/virtualmachines | networkprofile.networkinterfaces.id | | attached_to hard
microsoft.compute/virtualmachines | manageddisk.id | | mounts hard
microsoft.compute/virtualmachines | diskencryptionset.id | | encrypted_by hard
microsoft.compute/virtualmachines | availabilityset.id | | member_of soft
microsoft.compute/virtualmachines | proximityplacementgroup.id | | member_of soft
microsoft.compute/virtualmachines | virtualmachinescaleset.id | | member_of soft
microsoft.compute/virtualmachines | sourceimage.id | | deployed_by soft
microsoft.compute/virtualmachines | imagereference.id | | deployed_by soft
microsoft.compute/virtualmachines | storageuri | | references soft
microsoft.compute/virtualmachinescalesets | subnet.id | | network hard
microsoft.compute/virtualmachinescalesets | loadbalancerbackendaddresspools.id | | routes_to soft reverse
microsoft.compute/availabilitysets | virtualmachines.id | | member_of soft reverse
microsoft.compute/disks | managedby | | mounts hard reverse
microsoft.compute/disks | managedbyextended | | mounts hard reverse
microsoft.compute/disks | diskencryptionsetid | | encrypted_by hard
microsoft.compute/disks | diskaccessid | | network hard
microsoft.compute/disks | sourceresourceid | | deployed_by soft
microsoft.compute/snapshots | sourceresourceid | | backed_up_by soft reverse
microsoft.compute/diskencryptionsets | sourcevault.id | | encrypted_by hard
microsoft.network/networkinterfaces | virtualmachine.id | | attached_to hard reverse
microsoft.network/networkinterfaces | networksecuritygroup.id | | network soft
microsoft.network/networkinterfaces | subnet.id | | network hard
microsoft.network/networkinterfaces | publicipaddress.id | | network soft
microsoft.network/networkinterfaces | loadbalancerbackendaddresspools.id | | routes_to redundant reverse
microsoft.network/networkinterfaces | applicationgatewaybackendaddresspools.id | | routes_to redundant reverse
microsoft.network/networkinterfaces | privateendpoint.id | | attached_to hard reverse
microsoft.network/publicipaddresses | ipconfiguration.id | | network soft reverse
microsoft.network/publicipaddresses | natgateway.id | | network hard reverse
microsoft.network/networksecuritygroups | networkinterfaces.id | | network soft reverse
microsoft.network/networksecuritygroups | subnets.id | | network soft reverse
microsoft.network/routetables | subnets.id | | routes_to soft reverse
microsoft.network/natgateways | subnets.id | | routes_to soft reverse
microsoft.network/natgateways | publicipaddresses.id | | network hard
microsoft.network/virtualnetworks | ipconfigurations.id | | network hard reverse
microsoft.network/virtualnetworks | remotevirtualnetwork.id | | network soft
microsoft.network/virtualnetworks | networksecuritygroup.id | | network soft
microsoft.network/virtualnetworks | routetable.id | | routes_to soft
microsoft.network/virtualnetworks/subnets | networksecuritygroup.id | | network soft
microsoft.network/virtualnetworks/subnets | routetable.id | | routes_to soft
microsoft.network/virtualnetworks/subnets | natgateway.id | | routes_to soft
microsoft.network/virtualnetworks/subnets | ipconfigurations.id | | network hard reverse
microsoft.network/loadbalancers | backendipconfigurations.id | | routes_to redundant
microsoft.network/loadbalancers | publicipaddress.id | | network hard
microsoft.network/applicationgateways | backendipconfigurations.id | | routes_to redundant
microsoft.network/applicationgateways | publicipaddress.id | | network hard
microsoft.network/applicationgateways | firewallpolicy.id | | network soft
microsoft.network/privateendpoints | privatelinkserviceid | | network hard
microsoft.network/privateendpoints | networkinterfaces.id | | attached_to hard
microsoft.network/virtualnetworkgateways | publicipaddress.id | | network hard
microsoft.network/connections | | microsoft.network/virtualnetworkgateways | network hard
microsoft.web/sites | serverfarmid | | attached_to hard
microsoft.web/sites | hostingenvironmentprofile.id | | attached_to hard
microsoft.web/sites | virtualnetworksubnetid | | network hard
microsoft.sql/servers/databases | elasticpoolid | | attached_to hard
microsoft.sql/servers/databases | sourcedatabaseid | | deployed_by soft
microsoft.containerservice/managedclusters | vnetsubnetid | | network hard
microsoft.containerservice/managedclusters | podsubnetid | | network hard
microsoft.machinelearningservices/workspaces | storageaccount | | attached_to hard
microsoft.machinelearningservices/workspaces | keyvault | | secret_use hard
microsoft.machinelearningservices/workspaces | applicationinsights | | references soft
microsoft.machinelearningservices/workspaces | containerregistry | | deployed_by soft
microsoft.insights/diagnosticsettings | | | references soft
microsoft.insights/components | workspaceresourceid | | attached_to hard
microsoft.authorization/roleassignments | scope | | has_permission soft
microsoft.authorization/roleassignments | roledefinitionid | | member_of soft
microsoft.management/managementgroups | parent.id | | contains hard
| id | microsoft.managedidentity/userassignedidentities | assumes hard
| resourceid | microsoft.managedidentity/userassignedidentities | assumes hard
| subnet.id | | network hard
| subnetid | microsoft.network/virtualnetworks/subnets | network hard
| subnetid | microsoft.network/virtualnetworks | network hard
| virtualnetworkrules.id | | network soft
| privateendpoint.id | | network soft reverse
| workspaceresourceid | | references soft
| serverfarmid | | attached_to hard
| | microsoft.managedidentity/userassignedidentities | assumes hard
| | microsoft.compute/diskencryptionsets | encrypted_by hard
| | microsoft.keyvault/vaults/keys | encrypted_by hard
| | microsoft.keyvault/vaults/secrets | secret_use hard
| | microsoft.keyvault/vaults | secret_use hard
| | microsoft.network/virtualnetworks/subnets | network hard
| | microsoft.network/virtualnetworks | network hard
| | microsoft.network/networksecuritygroups | network soft
| | microsoft.network/routetables | routes_to soft
| | microsoft.recoveryservices/vaults | backed_up_by soft
# AWS
aws::ec2::volume | attachments.instanceid | | mounts hard reverse
aws::ec2::networkinterface | attachment.instanceid | | attached_to hard reverse
aws::ec2::networkinterface | attachment.attachmentid | | attached_to soft
aws::ec2::instance | ebs.volumeid | | mounts hard
aws::ec2::instance | networkinterfaceid | | attached_to hard
aws::ec2::instance | imageid | | deployed_by soft
aws::ec2::instance | iaminstanceprofile.arn | | assumes hard
aws::ec2::instance | subnetid | | network hard
aws::ec2::instance | vpcid | | network hard
aws::ec2::snapshot | volumeid | | backed_up_by soft reverse
aws::ec2::subnet | vpcid | | contains hard
aws::ec2::securitygroup | vpcid | | contains hard
aws::ec2::routetable | vpcid | | contains hard
aws::ec2::routetable | subnetid | | routes_to hard reverse
aws::ec2::routetable | gatewayid | | routes_to hard
aws::ec2::routetable | natgatewayid | | routes_to hard
aws::ec2::networkacl | vpcid | | contains hard
aws::ec2::networkacl | subnetid | | network soft reverse
aws::ec2::internetgateway | attachments.vpcid | | routes_to soft reverse
aws::ec2::eip | instanceid | | network soft reverse
aws::ec2::eip | networkinterfaceid | | network soft reverse
aws::ec2::securitygroup | groupid | | network soft
aws::ec2::vpcendpoint | vpcid | | contains hard
aws::ec2::vpcpeeringconnection | | | network soft
aws::ec2::flowlog | resourceid | | references soft
aws::iam::instanceprofile | roles.arn | | assumes hard
aws::iam::role | policyarn | | has_permission soft
aws::iam::user | policyarn | | has_permission soft
aws::iam::group | policyarn | | has_permission soft
aws::elasticloadbalancingv2::targetgroup | loadbalancerarns | | routes_to hard reverse
aws::elasticloadbalancingv2::targetgroup | target.id | | routes_to redundant
aws::elasticloadbalancingv2::targetgroup | targets.id | | routes_to redundant
aws::elasticloadbalancingv2::listener | loadbalancerarn | | contains hard
aws::elasticloadbalancingv2::listener | targetgrouparn | | routes_to hard
aws::elasticloadbalancingv2::listener | certificatearn | | secret_use hard
aws::elasticloadbalancing::loadbalancer | instances.instanceid | | routes_to redundant
aws::autoscaling::autoscalinggroup | instances.instanceid | | contains soft reverse
aws::autoscaling::autoscalinggroup | targetgrouparns | | routes_to soft reverse
aws::cloudfront::distribution | acmcertificatearn | | secret_use hard
aws::s3::bucket | bucketreplication.* | aws::s3::bucket | backed_up_by soft
aws::s3::bucket | bucketreplication.* | aws::iam::role | assumes soft
aws::s3::bucket | bucketnotification.* | | references soft
aws::lambda::function | role | | assumes hard
aws::lambda::function | layers.arn | | deployed_by hard
aws::lambda::function | targetarn | | references soft
aws::lambda::eventsourcemapping | functionarn | | attached_to hard
aws::lambda::eventsourcemapping | eventsourcearn | | attached_to hard
aws::ecs::service | clusterarn | | contains hard
aws::ecs::service | taskdefinition | | deployed_by hard
aws::ecs::service | targetgrouparn | | routes_to soft reverse
aws::ecs::taskdefinition | valuefrom | | secret_use hard
aws::rds::dbinstance | readreplicasourcedbinstanceidentifier | | backed_up_by soft reverse
aws::rds::dbsnapshot | | aws::rds::dbinstance | backed_up_by soft reverse
aws::sns::subscription | topicarn | | attached_to hard
aws::sns::topic | endpoint | | routes_to soft
aws::kms::alias | targetkeyid | | attached_to hard
aws::organizations::account | parentid | | contains hard
aws::organizations::organizationalunit | parentid | | contains hard
| | aws::kms::key | encrypted_by hard
| | aws::kms::alias | encrypted_by hard
| | aws::iam::role | assumes hard
| | aws::iam::instanceprofile | assumes hard
| | aws::iam::policy | has_permission soft
| | aws::secretsmanager::secret | secret_use hard
| | aws::certificatemanager::certificate | secret_use hard
| | aws::acm::certificate | secret_use hard
| | aws::ec2::subnet | network hard
| | aws::ec2::vpc | network hard
| | aws::ec2::securitygroup | network soft
| | aws::backup::backupvault | backed_up_by soft
# Google Cloud
compute.googleapis.com/disk | users | | mounts hard reverse
compute.googleapis.com/disk | sourceimage | | deployed_by soft
compute.googleapis.com/disk | sourcesnapshot | | deployed_by soft
compute.googleapis.com/disk | resourcepolicies | | backed_up_by soft
compute.googleapis.com/snapshot | sourcedisk | | backed_up_by soft reverse
compute.googleapis.com/instance | disks.source | | mounts hard
compute.googleapis.com/instance | disk.source | | mounts hard
compute.googleapis.com/instance | networkinterfaces.subnetwork | | network hard
compute.googleapis.com/instance | networkinterface.subnetwork | | network hard
compute.googleapis.com/instancegroup | instances | | member_of soft reverse
compute.googleapis.com/instancegroupmanager | instancetemplate | | deployed_by soft
compute.googleapis.com/instancegroupmanager | instancegroup | | attached_to hard
compute.googleapis.com/address | users | | network soft reverse
compute.googleapis.com/subnetwork | network | | contains hard
compute.googleapis.com/firewall | network | | contains hard
compute.googleapis.com/route | network | | contains hard
compute.googleapis.com/router | network | | contains hard
compute.googleapis.com/network | subnetworks | | contains hard reverse
compute.googleapis.com/network | peerings.network | | network soft
compute.googleapis.com/backendservice | backends.group | | routes_to redundant
compute.googleapis.com/backendservice | healthchecks | | references soft
compute.googleapis.com/forwardingrule | target | | routes_to hard
compute.googleapis.com/forwardingrule | backendservice | | routes_to hard
compute.googleapis.com/globalforwardingrule | target | | routes_to hard
compute.googleapis.com/urlmap | | compute.googleapis.com/backendservice | routes_to hard
compute.googleapis.com/targethttpproxy | urlmap | | routes_to hard
compute.googleapis.com/targethttpsproxy | urlmap | | routes_to hard
compute.googleapis.com/targethttpsproxy | sslcertificates | | secret_use redundant
sqladmin.googleapis.com/instance | masterinstancename | | backed_up_by soft reverse
container.googleapis.com/cluster | instancegroupurls | | contains soft reverse
iam.googleapis.com/serviceaccountkey | | iam.googleapis.com/serviceaccount | contains hard
pubsub.googleapis.com/subscription | topic | | attached_to hard
pubsub.googleapis.com/subscription | deadlettertopic | | references soft
cloudresourcemanager.googleapis.com/folder | parent | | contains hard
cloudresourcemanager.googleapis.com/project | parent | | contains hard
cloudresourcemanager.googleapis.com/project | parent.id | | contains hard
| members | iam.googleapis.com/serviceaccount | has_permission soft reverse
| | cloudkms.googleapis.com/cryptokey | encrypted_by hard
| | cloudkms.googleapis.com/cryptokeyversion | encrypted_by hard
| | iam.googleapis.com/serviceaccount | assumes hard
| | secretmanager.googleapis.com/secret | secret_use hard
| | compute.googleapis.com/network | network hard
| | compute.googleapis.com/subnetwork | network hard
# Places that mean the same everywhere
| kmskeyid | | encrypted_by hard
| kmskeyarn | | encrypted_by hard
| kmsmasterkeyid | | encrypted_by hard
| kmskeyname | | encrypted_by hard
| defaultkmskeyname | | encrypted_by hard
| keyvaultproperties.keyidentifier | | encrypted_by hard
| ownerreferences.uid | | contains hard
"""

_NAME_ROWS = """
aws::s3::bucket | bucketlogging.targetbucket | aws::s3::bucket | references soft
aws::s3::bucket | bucketlogging.loggingenabled.targetbucket | aws::s3::bucket | references soft
aws::s3::bucket | bucketlogging.destinationbucketname | aws::s3::bucket | references soft
aws::rds::dbinstance | dbsubnetgroup.dbsubnetgroupname | aws::rds::dbsubnetgroup | network hard
aws::rds::dbinstance | dbsubnetgroupname | aws::rds::dbsubnetgroup | network hard
aws::rds::dbinstance | dbclusteridentifier | aws::rds::dbcluster | contains hard
aws::rds::dbcluster | dbsubnetgroup | aws::rds::dbsubnetgroup | network hard
aws::cloudtrail::trail | s3bucketname | aws::s3::bucket | references soft
aws::eks::nodegroup | clustername | aws::eks::cluster | contains hard
aws::iam::accesskey | username | aws::iam::user | contains hard
aws::elasticache::cachecluster | cachesubnetgroupname | aws::elasticache::subnetgroup | network hard
aws::redshift::cluster | clustersubnetgroupname | aws::redshift::clustersubnetgroup | network hard
v1/pod | spec.nodename | v1/node | attached_to hard
v1/pod | spec.serviceaccountname | v1/serviceaccount | assumes hard
v1/pod | spec.volumes.secret.secretname | v1/secret | secret_use hard
v1/pod | spec.volumes.configmap.name | v1/configmap | mounts hard
v1/pod | spec.volumes.persistentvolumeclaim.claimname | v1/persistentvolumeclaim | mounts hard
v1/persistentvolumeclaim | spec.volumename | v1/persistentvolume | mounts hard
apps/v1/deployment | spec.template.spec.serviceaccountname | v1/serviceaccount | assumes hard
apps/v1/deployment | spec.template.spec.volumes.secret.secretname | v1/secret | secret_use hard
apps/v1/deployment | spec.template.spec.volumes.configmap.name | v1/configmap | mounts hard
apps/v1/deployment | spec.template.spec.containers.envfrom.secretref.name | v1/secret | secret_use hard
apps/v1/deployment | spec.template.spec.containers.env.valuefrom.secretkeyref.name | v1/secret | secret_use hard
apps/v1/statefulset | spec.template.spec.volumes.secret.secretname | v1/secret | secret_use hard
apps/v1/statefulset | spec.servicename | v1/service | network soft
networking.k8s.io/v1/ingress | spec.tls.secretname | v1/secret | secret_use hard
networking.k8s.io/v1/ingress | spec.rules.http.paths.backend.service.name | v1/service | routes_to hard
"""


def _cells(table: str) -> list[list[str]]:
    lines = (line for line in table.strip().splitlines() if not line.startswith("#"))
    return [[cell.strip() for cell in line.split("|")] for line in lines]


def _rule(source: str, path: str, target: str, meaning: str) -> Rule:
    kind, strength, *turned = meaning.split()
    return Rule(source, path, target, RelationshipKind(kind), Strength(strength), Direction(*turned or ["forward"]))


def _name_rule(source: str, path: str, target: str, meaning: str) -> NameRule:
    kind, strength = meaning.split()
    return NameRule(source, path, target, RelationshipKind(kind), Strength(strength))


RULES: tuple[Rule, ...] = tuple(_rule(*cells) for cells in _cells(_ROWS))
NAME_RULES: tuple[NameRule, ...] = tuple(_name_rule(*cells) for cells in _cells(_NAME_ROWS))
FALLBACK = Rule("", "", "", RelationshipKind.REFERENCES, Strength.SOFT)
