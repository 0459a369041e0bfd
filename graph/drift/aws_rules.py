"""AWS: what the API computes, what it fills in, and how its shapes differ, as data.

Types are CloudFormation's; paths are those of the describe calls, folded. AWS Config has the same names in another
case, leaves null where the API leaves out, and writes security groups' ranges as text.
Source: AWS API references and AWS CloudFormation resource type reference, https://docs.aws.amazon.com.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from graph.drift.rules import ANY_TYPE, How, ProviderRules, Rule, computed, defaults, each, table

_PROTOCOLS: Final = {"6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6", "all": "-1"}
_SOURCES: Final = "ipranges ipv6ranges useridgrouppairs prefixlistids"


def _permissions(path: str) -> tuple[Rule, ...]:
    return (
        Rule(path, How.SPREAD, _SOURCES),
        Rule(path, How.DROP, {"beside": "ipprotocol", "values": "-1 all", "members": "fromport toport"}),
        Rule(f"{path}.ipprotocol", How.ALIAS, dict(_PROTOCOLS)),
        Rule(f"{path}.ipv4ranges", How.SAME_AS, "ipranges"),
        Rule(f"{path}.ipranges", How.WRAP, "cidrip"),
        Rule(f"{path}.ipv6ranges", How.WRAP, "cidripv6"),
        Rule(f"{path}.prefixlistids", How.WRAP, "prefixlistid"),
        *computed(*(f"{path}.useridgrouppairs.{name}" for name in ("userid", "groupname", "vpcid", "peeringstatus"))),
    )


_BY_TYPE: Final[Mapping[str, tuple[Rule, ...]]] = {
    ANY_TYPE: (
        *computed(
            "arn", "tags", "tagset", "taglist", "configurationitem", "relationships", "responsemetadata", "ownerid",
            "requesterid", "status", "state", "tagsall",
        ),
        *computed(
            "*.createtime", "*.creationtime", "*.creationdate", "*.createdate", "*.createdat", "*.createdtime",
            "*.createddate", "*.creationdatetime", "*.createdtimestamp", "*.updatedat", "*.updatedate",
            "*.lastmodified", "*.lastmodifiedtime", "*.lastmodifieddate", "*.lastmodifiedtimestamp",
            "*.lastupdatedtime", "*.lastupdated", "*.launchtime", "*.attachtime", "*.requestid",
        ),
        *each(How.REFERENCE, "*.kmskeyid", "*.kmskeyarn", "*.kmsmasterkeyid", "*.rolearn", "*.role", "*.kmskey"),
        *each(
            How.POLICY, "*.assumerolepolicydocument", "*.bucketpolicy", "*.policy", "*.policydocument", "*.keypolicy",
            "*.repositorypolicy", "*.redrivepolicy", "*.resourcepolicy", "*.filesystempolicy", "*.lifecyclepolicy",
        ),
    ),
    "AWS::EC2::Instance": (
        *computed(
            "amilaunchindex", "instanceid", "privatednsname", "publicdnsname", "privateipaddress", "publicipaddress",
            "statetransitionreason", "statereason", "vpcid", "architecture", "blockdevicemappings", "clienttoken",
            "enasupport", "hypervisor", "networkinterfaces", "rootdevicename", "rootdevicetype", "virtualizationtype",
            "reservationid", "usageoperation", "usageoperationupdatetime", "platformdetails", "productcodes",
            "privatednsnameoptions", "maintenanceoptions", "bootmode", "currentinstancebootmode", "cpuoptions",
            "capacityreservationspecification", "metadataoptions.state", "iaminstanceprofile.id",
            "licenses", "elasticgpuassociations", "platform", "networkperformanceoptions", "operator",
            "placement.availabilityzoneid", "instancelifecycle", "publicdnsnameoptions", "sriovnetsupport",
            "securitygroups.groupname",
        ),
        *defaults(
            {
                "placement.tenancy": "default",
                "monitoring": "disabled",
                "ebsoptimized": False,
                "sourcedestcheck": True,
                "metadataoptions.httptokens": "optional",
                "metadataoptions.httpendpoint": "enabled",
                "metadataoptions.httpputresponsehoplimit": 1,
                "metadataoptions.httpprotocolipv6": "disabled",
                "metadataoptions.instancemetadatatags": "disabled",
                "hibernationoptions.configured": False,
                "enclaveoptions.enabled": False,
            }
        ),
        Rule("monitoring", How.INNER, "state"),
        Rule("iaminstanceprofile", How.INNER, "arn"),
        *each(How.REFERENCE, "iaminstanceprofile", "subnetid", "imageid", "securitygroups.groupid"),
        Rule("instanceattribute.userdata", How.INNER, "value"),
    ),
    "AWS::EC2::SecurityGroup": (
        *computed("groupid", "securitygrouparn"),
        *_permissions("ippermissions"),
        *_permissions("ippermissionsegress"),
    ),
    "AWS::EC2::Volume": (
        *computed("volumeid", "attachments", "fastrestored", "sseType".lower(), "operator", "availabilityzoneid",
                  "volumeinitializationrate", "outpostarn"),
        *defaults({"multiattachenabled": False, "encrypted": False, "throughput": 0, "iops": 0}),
        *each(How.REFERENCE, "snapshotid"),
    ),
    "AWS::EC2::VPC": (
        *computed("vpcid", "dhcpoptionsid", "isdefault", "cidrblockassociationset", "ipv6cidrblockassociationset",
                  "blockpublicaccessstates", "encryptioncontrol"),
        *defaults({"instancetenancy": "default", "vpcattribute.enablednssupport": True,
                   "vpcattribute.enablednshostnames": False,
                   "vpcattribute.enablenetworkaddressusagemetrics": False}),
        *(Rule(f"vpcattribute.{name}", How.INNER, "value")
          for name in ("enablednssupport", "enablednshostnames", "enablenetworkaddressusagemetrics")),
        *computed("vpcattribute.vpcid"),
    ),
    "AWS::EC2::Subnet": (
        *computed("subnetid", "subnetarn", "availabilityzoneid", "availableipaddresscount", "defaultforaz",
                  "ipv6cidrblockassociationset", "blockpublicaccessstates", "type", "ipv6native", "enabledns64",
                  "privatednsnameoptionsonlaunch.hostnametype"),
        *defaults({
            "mappubliciponlaunch": False, "mapcustomerownediponlaunch": False, "assignipv6addressoncreation": False,
            "privatednsnameoptionsonlaunch.enableresourcenamednsarecord": False,
            "privatednsnameoptionsonlaunch.enableresourcenamednsaaaarecord": False,
        }),
    ),
    "AWS::EC2::RouteTable": (
        *computed("routetableid", "associations.routetableassociationid", "associations.associationstate",
                  "associations.routetableid", "propagatingvgws", "routes.state", "routes.origin",
                  "routes.instanceownerid"),
        *each(How.REFERENCE, "routes.gatewayid", "routes.natgatewayid"),
    ),
    "AWS::EC2::InternetGateway": computed("internetgatewayid", "attachments.state"),
    "AWS::EC2::EIP": computed("allocationid", "publicip", "associationid", "privateipaddress", "networkinterfaceid",
                              "networkinterfaceownerid", "publicipv4pool", "networkbordergroup"),
    "AWS::EC2::NetworkInterface": computed(
        "networkinterfaceid", "macaddress", "privatednsname", "association", "attachment", "publicdnsname",
        "publicipdnsnameoptions", "requestermanaged", "operator", "availabilityzone", "availabilityzoneid"),
    "AWS::EC2::Snapshot": computed("progress", "statemessage", "starttime", "completiontime", "storagetier",
                                   "fullsnapshotsizeinbytes", "transfertype", "ssetype"),
    "AWS::EC2::Image": computed("imageownerAlias".lower(), "deprecationtime", "public", "platformdetails",
                                "usageoperation"),
    "AWS::S3::Bucket": (
        *computed("name", "bucketlocation", "bucketpolicystatus", "bucketacl.owner", "bucketacl.grants.grantee.id",
                  "bucketacl.grants.grantee.displayname", "bucketregion", "owner", "region", "bucketarn",
                  "bucketlifecycle.transitiondefaultminimumobjectsize"),
        *defaults({
            "bucketversioning.status": "Off", "bucketversioning.mfadelete": "Disabled",
            "bucketversioning.ismfadeleteenabled": False,
            "bucketaccelerateconfiguration.status": "Suspended",
            "bucketencryption.rules.bucketkeyenabled": False,
            "bucketencryption.rules.applyserversideencryptionbydefault.ssealgorithm": "AES256",
            "publicaccessblock.blockpublicacls": False, "publicaccessblock.ignorepublicacls": False,
            "publicaccessblock.blockpublicpolicy": False, "publicaccessblock.restrictpublicbuckets": False,
        }),
        Rule("bucketpolicy", How.POLICY),
        Rule("bucketpolicy", How.INNER, "policytext"),
        Rule("bucketversioning.status", How.ALIAS, {"disabled": "Off"}),
        Rule("bucketlifecycle.rules", How.KEYED, "id"),
        Rule("bucketlifecycle.rules.expirationindays", How.SAME_AS, "expiration"),
        Rule("bucketlifecycle.rules.expiration", How.INNER, "days"),
        Rule("bucketlifecycle.rules.noncurrentversionexpirationindays", How.SAME_AS, "noncurrentversionexpiration"),
        Rule("bucketlifecycle.rules.noncurrentversionexpiration", How.INNER, "noncurrentdays"),
        Rule("bucketlifecycle.rules.filter.predicate", How.SAME_AS, "prefix"),
        Rule("bucketlifecycle.rules.filter.prefix", How.INNER, "prefix"),
        Rule("bucketlifecycle.rules.expiration.expiredobjectdeletemarker", How.DEFAULT, value=False),
        Rule("bucketencryption.rules.applyserversideencryptionbydefault.kmsmasterkeyid", How.REFERENCE),
        *computed("bucketencryption.rules.blockedencryptiontypes"),
    ),
    "AWS::IAM::Role": (
        *computed("roleid", "rolelastused", "rolepolicylist", "attachedmanagedpolicies", "instanceprofilelist",
                  "attachedpolicies.policyname", "permissionsboundary.permissionsboundarytype", "rolename"),
        *defaults({"maxsessionduration": 3600, "path": "/"}),
        Rule("permissionsboundary", How.INNER, "permissionsboundaryarn"),
    ),
    "AWS::IAM::User": (
        *computed("userid", "passwordlastused", "attachedmanagedpolicies", "grouplist", "userpolicylist", "username",
                  "attachedpolicies.policyname"),
        *defaults({"path": "/"}),
        Rule("permissionsboundary", How.INNER, "permissionsboundaryarn"),
    ),
    "AWS::IAM::Group": (*computed("groupid", "groupname", "attachedpolicies.policyname"), *defaults({"path": "/"})),
    "AWS::IAM::ManagedPolicy": (
        *computed("policyid", "attachmentcount", "permissionsboundaryusagecount", "isattachable", "defaultversionid",
                  "policyversion.versionid", "policyversion.isdefaultversion", "policyversionlist", "policyname"),
        *defaults({"path": "/"}),
        Rule("policyversion.document", How.POLICY),
    ),
    "AWS::IAM::InstanceProfile": computed("instanceprofileid", "roles"),
    "AWS::KMS::Key": (
        *computed("keyid", "awsaccountid", "keymanager", "keystate", "encryptionalgorithms", "signingalgorithms",
                  "currentkeymaterialid", "customermasterkeyspec", "keyrotationstatus.keyid", "keypolicyname",
                  "keyrotationstatus.rotationperiodindays", "keyrotationstatus.nextrotationdate", "deletiondate",
                  "validto", "multiregionconfiguration", "expirationmodel", "macalgorithms", "origin"),
        *defaults({"enabled": True, "keyspec": "SYMMETRIC_DEFAULT", "keyusage": "ENCRYPT_DECRYPT",
                   "multiregion": False, "keyrotationstatus.keyrotationenabled": False, "origin": "AWS_KMS"}),
    ),
    "AWS::SQS::Queue": (
        *computed("approximatenumberofmessages", "approximatenumberofmessagesnotvisible",
                  "approximatenumberofmessagesdelayed", "queuearn", "queueurl"),
        *defaults({"visibilitytimeout": 30, "maximummessagesize": 262144, "messageretentionperiod": 345600,
                   "delayseconds": 0, "receivemessagewaittimeseconds": 0, "fifoqueue": False,
                   "contentbaseddeduplication": False, "kmsdatakeyreuseperiodseconds": 300}),
    ),
    "AWS::SNS::Topic": (
        *computed("topicarn", "owner", "subscriptionspending", "subscriptionsconfirmed", "subscriptionsdeleted",
                  "effectivedeliverypolicy", "beginningarchivetime"),
        *defaults({"fifotopic": False, "contentbaseddeduplication": False, "signatureversion": 1,
                   "tracingconfig": "PassThrough",
                   **{f"{kind}successfeedbacksamplerate": 0
                      for kind in ("application", "firehose", "http", "lambda", "sqs")}}),
        Rule("deliverypolicy", How.POLICY),
        Rule("signatureversion", How.ALIAS, {"0": 1}),
    ),
    "AWS::DynamoDB::Table": (
        *computed("tableid", "tablearn", "tablestatus", "tablesizebytes", "itemcount", "lateststreamarn",
                  "lateststreamlabel", "warmthroughput", "provisionedthroughput.numberofdecreasestoday",
                  "provisionedthroughput.lastdecreasedatetime", "provisionedthroughput.lastincreasedatetime",
                  "billingmodesummary.lastupdatetopayperrequestdatetime", "ssedescription.status", "tablename",
                  "globalsecondaryindexes.indexsizebytes", "globalsecondaryindexes.itemcount",
                  "globalsecondaryindexes.indexstatus", "globalsecondaryindexes.indexarn",
                  "globalsecondaryindexes.warmthroughput",
                  "globalsecondaryindexes.provisionedthroughput.numberofdecreasestoday",
                  "localsecondaryindexes.indexsizebytes", "localsecondaryindexes.itemcount",
                  "localsecondaryindexes.indexarn", "continuousbackups.continuousbackupsstatus",
                  "continuousbackups.pointintimerecoverydescription.earliestrestorabledatetime",
                  "continuousbackups.pointintimerecoverydescription.latestrestorabledatetime",
                  "continuousbackups.pointintimerecoverydescription.recoveryperiodindays"),
        *defaults({
            "billingmodesummary": "PROVISIONED", "deletionprotectionenabled": False,
            "streamspecification.streamenabled": False,
            "tableclasssummary": "STANDARD",
            "continuousbackups.pointintimerecoverydescription.pointintimerecoverystatus": "DISABLED",
            "provisionedthroughput.readcapacityunits": 0, "provisionedthroughput.writecapacityunits": 0,
        }),
        Rule("billingmodesummary", How.INNER, "billingmode"),
        Rule("tableclasssummary", How.INNER, "tableclass"),
        Rule("attributedefinitions", How.KEYED, "attributename"),
        Rule("globalsecondaryindexes", How.KEYED, "indexname"),
        Rule("localsecondaryindexes", How.KEYED, "indexname"),
        *each(How.ORDERED, "keyschema"),
    ),
    "AWS::RDS::DBInstance": (
        *computed("dbinstancestatus", "endpoint", "instancecreatetime", "dbiresourceid", "dbinstancearn",
                  "latestrestorabletime", "pendingmodifiedvalues", "statusinfos", "availabilityzone",
                  "dbsubnetgroup.subnets", "dbsubnetgroup.vpcid", "dbsubnetgroup.subnetgroupstatus",
                  "dbsubnetgroup.dbsubnetgroupdescription", "vpcsecuritygroups.status", "optiongroupmemberships.status",
                  "dbparametergroups.parameterapplystatus", "cacertificateidentifier", "certificatedetails",
                  "secondaryavailabilityzone", "activitystreamstatus", "enhancedmonitoringresourcearn",
                  "readreplicadbinstanceidentifiers", "domainmemberships", "customerownedipenabled",
                  "backuptarget", "dbinstanceport", "associatedroles.status", "mastersecret.secretstatus"),
        *defaults({"multiaz": False, "publiclyaccessible": False, "storageencrypted": False,
                   "iamdatabaseauthenticationenabled": False, "deletionprotection": False, "copytagstosnapshot": False,
                   "autominorversionupgrade": True, "performanceinsightsenabled": False, "monitoringinterval": 0,
                   "networktype": "IPV4"}),
        Rule("dbparametergroups", How.KEYED, "dbparametergroupname"),
        Rule("dbsubnetgroup", How.INNER, "dbsubnetgroupname"),
        *each(How.CASELESS, "preferredmaintenancewindow", "preferredbackupwindow"),
        *each(How.REFERENCE, "monitoringrolearn", "vpcsecuritygroups.vpcsecuritygroupid"),
    ),
    "AWS::RDS::DBCluster": (
        *computed("dbclusterresourceid", "dbclusterarn", "endpoint", "readerendpoint", "clustercreatetime",
                  "earliestrestorabletime", "latestrestorabletime", "dbclustermembers", "hostedzoneid",
                  "vpcsecuritygroups.status", "percentprogress", "availabilityzones"),
        *defaults({"storageencrypted": False, "deletionprotection": False, "iamdatabaseauthenticationenabled": False,
                   "copytagstosnapshot": False}),
    ),
    "AWS::Lambda::Function": (
        *computed("functionarn", "codesize", "version", "revisionid", "lastupdatestatus", "statereason",
                  "statereasoncode", "lastupdatestatusreason", "vpcconfig.vpcid", "runtimeversionconfig",
                  "snapstart.optimizationstatus", "masterarn", "vpcconfig.ipv6allowedfordualstack", "functionname",
                  "layers.codesize", "configsha256"),
        *defaults({"memorysize": 128, "timeout": 3, "tracingconfig.mode": "PassThrough", "packagetype": "Zip",
                   "ephemeralstorage.size": 512, "snapstart.applyon": "None", "architectures": "x86_64",
                   "loggingconfig.logformat": "Text"}),
        *computed("loggingconfig.loggroup"),
        Rule("environment.variables", How.MAP),
        *each(How.REFERENCE, "layers.arn"),
    ),
    "AWS::Logs::LogGroup": (
        *computed("loggroupname", "metricfiltercount", "storedbytes", "loggrouparn", "inheritedproperties"),
        *defaults({"loggroupclass": "STANDARD", "dataprotectionstatus": "DISABLED", "retentionindays": 0,
                   "deletionprotectionenabled": False}),
    ),
    "AWS::SecretsManager::Secret": (
        *computed("name", "lastchangeddate", "lastaccesseddate", "versionidstostages", "secretversionstostages",
                  "lastrotateddate", "nextrotationdate", "owningservice", "replicationstatus", "primaryregion"),
        *defaults({"rotationenabled": False}),
    ),
    "AWS::ElasticLoadBalancingV2::LoadBalancer": (
        *computed("dnsname", "canonicalhostedzoneid", "loadbalancerarn", "vpcid", "loadbalancername"),
        Rule("loadbalancerattributes", How.PAIRS, "key value"),
        *defaults({"ipaddresstype": "ipv4"}),
    ),
    "AWS::AutoScaling::AutoScalingGroup": (
        *computed("instances", "suspendedprocesses", "servicelinkedrolearn", "autoscalinggrouparn", "enabledmetrics",
                  "predictedcapacity", "warmpoolsize"),
        *defaults({"defaultcooldown": 300, "newinstancesprotectedfromscalein": False, "healthchecktype": "EC2",
                   "capacityrebalance": False}),
    ),
    "AWS::ECS::Service": computed("deployments", "events", "runningcount", "pendingcount", "tasksets", "createdby",
                                  "platformfamily"),
    "AWS::ECS::Cluster": computed("runningtaskscount", "pendingtaskscount", "activeservicescount", "statistics",
                                  "registeredcontainerinstancescount", "attachmentsstatus"),
    "AWS::EKS::Cluster": (
        *computed("endpoint", "certificateauthority", "certificateauthoritydata", "identity", "platformversion",
                  "resourcesvpcconfig.clustersecuritygroupid", "resourcesvpcconfig.vpcid", "health", "id"),
    ),
    "AWS::ECR::Repository": (
        *computed("repositoryuri", "registryid", "repositoryarn"),
        Rule("repositorypolicytext", How.SAME_AS, "repositorypolicy"),
        *defaults({"imagetagmutability": "MUTABLE", "encryptionconfiguration.encryptiontype": "AES256",
                   "imagescanningconfiguration.scanonpush": False}),
    ),
    "AWS::CloudTrail::Trail": (
        *computed("trailarn", "homeregion", "snstopicarn", "hascustomeventselectors", "hasinsightselectors",
                  "trailstatus"),
        *defaults({"logfilevalidationenabled": False, "ismultiregiontrail": False, "isorganizationtrail": False,
                   "includeglobalserviceevents": True}),
    ),
    "AWS::Redshift::Cluster": computed(
        "clusterstatus", "clusteravailabilitystatus", "endpoint", "clustercreatetime", "clusternodes",
        "clusterpublickey", "clusterrevisionnumber", "pendingmodifiedvalues", "expectednextsnapshotscheduletime",
        "vpcsecuritygroups.status", "clusterparametergroups.parameterapplystatus", "nextmaintenancewindowstarttime",
        "totalstoragecapacityinmegabytes"),
}  # fmt: skip

_SERVICE_ROLE: Final = r"/aws-service-role/.*|/service-role/.*"

AWS: Final = ProviderRules(
    by_type=table(_BY_TYPE),
    tag_prefixes=("aws:",),
    tells_tags=frozenset(
        {
            "awsautoscalingautoscalinggroup",
            "awsec2customergateway",
            "awsec2dhcpoptions",
            "awsec2eip",
            "awsec2image",
            "awsec2instance",
            "awsec2internetgateway",
            "awsec2natgateway",
            "awsec2networkacl",
            "awsec2networkinterface",
            "awsec2routetable",
            "awsec2securitygroup",
            "awsec2snapshot",
            "awsec2subnet",
            "awsec2volume",
            "awsec2vpc",
            "awsec2vpcendpoint",
            "awsekscluster",
            "awsrdsdbcluster",
            "awsrdsdbinstance",
            "awsredshiftcluster",
            "awssecretsmanagersecret",
        }
    ),
    made_by_provider={
        "awsiamrole": (("path", _SERVICE_ROLE),),
        "awsiammanagedpolicy": (("arn", r"arn:[\w-]+:iam::aws:policy/.*"), ("path", _SERVICE_ROLE)),
        "awsec2vpc": (("isdefault", "true"),),
        "awsec2subnet": (("defaultforaz", "true"),),
        "awsec2securitygroup": (("groupname", "default"),),
        "awsec2networkinterface": (("requestermanaged", "true"), ("attachment.deleteontermination", "true")),
        "awsec2volume": (("attachments.deleteontermination", "true"),),
        "awsec2routetable": (("associations.main", "true"),),
        "awsec2networkacl": (("isdefault", "true"),),
        "awsec2dhcpoptions": (("ownerid", "amazon"),),
        "awsec2image": (("imageowneralias", "amazon|aws-marketplace"),),
        "awskmskey": (("keymanager", "AWS"), ("description", r"Default (master )?key that protects my .*")),
        "awskmsalias": (("aliasname", "alias/aws/.*"),),
        "awsrdsdbparametergroup": (("dbparametergroupname", r"default\..*"),),
        "awsrdsdbsnapshot": (("snapshottype", "automated"),),
        "awsec2snapshot": (("description", r"Created by CreateImage.*|.*AWS Backup.*"),),
        "awscloudformationstack": (("stackname", ".*"),),
        "awsorganizationsaccount": (("id", ".*"),),
        "awsstsaccount": (("account", ".*"),),
    },
)
"""Rules for AWS."""
