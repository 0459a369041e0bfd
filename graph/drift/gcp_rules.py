"""Google Cloud: what its APIs compute, what they fill in, and how their shapes differ, as data.

Source: REST references of the services and Cloud Asset Inventory, https://cloud.google.com.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from graph.drift.rules import ANY_TYPE, How, ProviderRules, Rule, computed, defaults, each, table

_BY_TYPE: Final[Mapping[str, tuple[Rule, ...]]] = {
    ANY_TYPE: (
        *computed(
            "id", "name", "kind", "selflink", "selflinkwithid", "etag", "labels", "projectnumber", "creationtimestamp",
            "labelfingerprint", "fingerprint", "status", "state", "iampolicy", "orgpolicy", "ancestors", "region",
            "zone", "project", "uid", "iametag", "reconciling", "satisfiespzi", "satisfiespzs", "generation",
        ),
        *computed(
            "*.etag", "*.fingerprint", "*.createtime", "*.updatetime", "*.timecreated", "*.updated",
            "*.creationtimestamp", "*.lastmodifiedtime", "*.creationtime", "*.kind", "*.selflink", "*.metageneration",
            "*.laststarttimestamp", "*.laststoptimestamp", "*.uniqueid",
        ),
        *each(How.REFERENCE, "*.network", "*.subnetwork", "*.machinetype", "*.source", "*.sourceimage", "*.disktype",
              "*.type", "*.kmskeyname", "*.defaultkmskeyname", "*.topic", "*.serviceaccount"),
        *each(How.DURATION, "*.ttl", "*.messageretentionduration", "*.rotationperiod", "*.retentionduration",
              "*.destroyscheduledduration"),
    ),
    "compute.googleapis.com/Instance": (
        *computed("cpuplatform", "networkinterfaces.networkip", "networkinterfaces.name",
                  "networkinterfaces.accessconfigs.natip", "networkinterfaces.fingerprint", "disks.index",
                  "disks.licenses", "disks.guestosfeatures", "disks.architecture", "startrestricted",
                  "lastsuspendedtimestamp", "resourcestatus", "metadata.fingerprint", "tags.fingerprint",
                  "disks.disksizegb", "disks.interface", "disks.type", "networkinterfaces.ipv6accesstype",
                  "shieldedinstanceintegritypolicy", "networkinterfaces.stacktype"),
        *defaults({"canipforward": False, "deletionprotection": False, "scheduling.automaticrestart": True,
                   "scheduling.onhostmaintenance": "MIGRATE", "scheduling.preemptible": False,
                   "scheduling.provisioningmodel": "STANDARD", "shieldedinstanceconfig.enablesecureboot": False,
                   "shieldedinstanceconfig.enablevtpm": True, "shieldedinstanceconfig.enableintegritymonitoring": True,
                   "disks.mode": "READ_WRITE", "disks.boot": False, "disks.autodelete": False,
                   "keyrevocationactiontype": "NONE",
                   "confidentialinstanceconfig.enableconfidentialcompute": False}),
        Rule("metadata.items", How.PAIRS, "key value"),
        Rule("serviceaccounts", How.KEYED, "email"),
    ),
    "compute.googleapis.com/Firewall": (
        *defaults({"direction": "INGRESS", "disabled": False, "priority": 1000, "logconfig.enable": False}),
        *each(How.CASELESS, "allowed.ipprotocol", "denied.ipprotocol"),
    ),
    "compute.googleapis.com/Network": (
        *computed("subnetworks", "peerings", "gatewayipv4", "networkfirewallpolicyenforcementorder"),
        *defaults({"routingconfig.routingmode": "REGIONAL"}),
    ),
    "compute.googleapis.com/Subnetwork": (
        *computed("gatewayaddress", "ipv6cidrrange", "externalipv6prefix", "internalipv6prefix"),
        *defaults({"privateipgoogleaccess": False, "purpose": "PRIVATE", "stacktype": "IPV4_ONLY",
                   "logconfig.enable": False, "enableflowlogs": False,
                   "privateipv6googleaccess": "DISABLE_GOOGLE_ACCESS"}),
        Rule("secondaryipranges", How.KEYED, "rangename"),
    ),
    "compute.googleapis.com/Disk": (
        *computed("users", "lastattachtimestamp", "lastdetachtimestamp", "physicalblocksizebytes", "sourceimageid",
                  "licenses", "licensecodes", "guestosfeatures", "architecture"),
        *defaults({"enableconfidentialcompute": False}),
    ),
    "storage.googleapis.com/Bucket": (
        *computed("acl", "defaultobjectacl", "owner", "locationtype", "iamconfiguration.bucketpolicyonly",
                  "iamconfiguration.uniformbucketlevelaccess.lockedtime", "retentionpolicy.effectivetime", "rpo",
                  "softdeletepolicy.effectivetime", "hierarchicalnamespace"),
        *defaults({"versioning.enabled": False, "storageclass": "STANDARD", "defaulteventbasedhold": False,
                   "iamconfiguration.publicaccessprevention": "inherited",
                   "iamconfiguration.uniformbucketlevelaccess.enabled": False,
                   "softdeletepolicy.retentiondurationseconds": 604800, "autoclass.enabled": False}),
        *each(How.CASELESS, "location"),
        Rule("iamconfiguration.publicaccessprevention", How.ALIAS, {"unspecified": "inherited"}),
    ),
    "sqladmin.googleapis.com/Instance": (
        *computed("connectionname", "ipaddresses", "servercacert", "serviceaccountemailaddress", "gcezone",
                  "settings.settingsversion", "settings.kind", "databaseinstalledversion", "currentdisksize",
                  "sqlnetworkarchitecture", "maintenanceversion", "availablemaintenanceversions", "backendtype",
                  "instancetype", "createtime", "upgradabledatabaseversions", "dnsname"),
        *defaults({"settings.availabilitytype": "ZONAL", "settings.backupconfiguration.enabled": False,
                   "settings.backupconfiguration.binarylogenabled": False, "settings.pricingplan": "PER_USE",
                   "settings.activationpolicy": "ALWAYS", "settings.storageautoresize": True,
                   "settings.deletionprotectionenabled": False,
                   "settings.ipconfiguration.ipv4enabled": True, "settings.ipconfiguration.requiressl": False}),
        Rule("settings.databaseflags", How.PAIRS, "name value"),
    ),
    "container.googleapis.com/Cluster": (
        *computed("endpoint", "currentmasterversion", "currentnodeversion", "currentnodecount", "masterauth",
                  "instancegroupurls", "nodepools", "servicesipv4cidr", "clusteripv4cidr", "initialclusterversion",
                  "tpuipv4cidrblock", "conditions", "nodeipv4cidrsize", "privateclusterconfig.privateendpoint",
                  "privateclusterconfig.publicendpoint", "privateclusterconfig.peeringname"),
        *defaults({"legacyabac.enabled": False, "shieldednodes.enabled": True}),
    ),
    "cloudkms.googleapis.com/CryptoKey": (
        *computed("primary", "nextrotationtime"),
        *defaults({"purpose": "ENCRYPT_DECRYPT"}),
    ),
    "pubsub.googleapis.com/Topic": computed("satisfiespzs"),
    "bigquery.googleapis.com/Dataset": (
        *computed("access", "datasetreference", "lastmodifiedtime", "satisfiespzi"),
        *defaults({"maxtimetravelhours": 168}),
    ),
    "iam.googleapis.com/ServiceAccount": (
        *computed("oauth2clientid", "projectid", "email"),
        *defaults({"disabled": False}),
    ),
}  # fmt: skip

GCP: Final = ProviderRules(
    by_type=table(_BY_TYPE),
    tag_prefixes=("goog-", "goog_", "k8s-io-"),
    made_by_provider={
        "computegoogleapiscomnetwork": (("name", "default"),),
        "computegoogleapiscomfirewall": (("name", "default-allow-.*|gke-.*|k8s-.*"),),
        "computegoogleapiscomsubnetwork": (("name", "default"),),
        "computegoogleapiscomroute": (("name", "default-route-.*|.*"),),
        "iamgoogleapiscomserviceaccount": (("email", r"\d+-compute@developer.*|.*@appspot.*|service-\d+@.*"),),
        "cloudresourcemanagergoogleapiscomorganization": (("name", ".*"),),
        "iamgoogleapiscomserviceaccountkey": (("keytype", "SYSTEM_MANAGED"),),
        "serviceusagegoogleapiscomservice": (("name", ".*"),),
    },
)
"""Rules for Google Cloud."""
