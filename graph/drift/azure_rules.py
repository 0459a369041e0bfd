"""Azure: what Resource Manager computes, what it fills in, and how its shapes differ, as data.

Letters' case decides nothing in enumerations, ids and locations; where it does, a rule says `cased`.
Source: Azure Resource Manager template reference, https://learn.microsoft.com/azure/templates.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from graph.drift.rules import ANY_TYPE, How, ProviderRules, Rule, computed, defaults, each, table

_P: Final = "properties."


def _p(*names: str) -> tuple[str, ...]:
    return tuple(_P + name for name in names)


_BY_TYPE: Final[Mapping[str, tuple[Rule, ...]]] = {
    ANY_TYPE: (
        *computed(
            "id", "name", "type", "location", "tags", "etag", "apiversion", "systemdata", "resourcegroup",
            "subscriptionid", "tenantid", "managedby", "changedtime", "createdtime", "identity.principalid",
            "identity.tenantid", "dependson", "condition", "copy", "comments", "scope", "extendedlocation.type",
        ),
        *computed(
            "*.provisioningstate", "*.etag", "*.resourceguid", "*.uniqueid", "*.creationtime", "*.createddate",
            "*.createdat", "*.lastmodifiedat", "*.lastmodified", "*.lastmodifiedtime", "*.lastmodifieddate",
            "*.timecreated", "*.principalid", "*.clientid", "*.operationalstate",
        ),
        *each(How.REFERENCE, "*.id", "*.resourceid", "*.workspaceresourceid", "*.serverfarmid", "*.keyid",
              "*.keyurl", "*.diskencryptionsetid"),
        Rule("identity.userassignedidentities", How.MAP),
    ),
    "Microsoft.Storage/storageAccounts": (
        *computed(*_p("primaryendpoints", "secondaryendpoints", "primarylocation", "secondarylocation",
                      "statusofprimary", "statusofsecondary", "privateendpointconnections", "keycreationtime",
                      "georeplicationstats", "encryption.services.blob.lastenabledtime",
                      "encryption.services.file.lastenabledtime", "encryption.services.blob.keytype",
                      "encryption.services.file.keytype", "networkacls.iprules.action",
                      "networkacls.virtualnetworkrules.state", "lastgeofailovertime",
                      "accountmigrationinprogress", "blobrestorestatus", "storageaccountskuconversionstatus"),
                  "sku.tier"),
        *defaults({
            **dict.fromkeys(_p("allowblobpublicaccess"), False),
            **dict.fromkeys(_p("allowsharedkeyaccess", "supportshttpstrafficonly", "encryption.services.blob.enabled",
                               "encryption.services.file.enabled"), True),
            **dict.fromkeys(_p("ishnsenabled", "isnfsv3enabled", "issftpenabled", "islocaluserenabled",
                               "allowcrosstenantreplication", "defaulttooauthauthentication",
                               "encryption.requireinfrastructureencryption"), False),
            "properties.encryption.keysource": "Microsoft.Storage",
            "properties.networkacls.defaultaction": "Allow",
            "properties.networkacls.bypass": "AzureServices",
            "properties.publicnetworkaccess": "Enabled",
            "properties.accesstier": "Hot",
            "properties.largefilesharesstate": "Disabled",
            "properties.dnsendpointtype": "Standard",
        }),
        *each(How.REFERENCE, *_p("networkacls.virtualnetworkrules.id")),
    ),
    "Microsoft.KeyVault/vaults": (
        *computed(*_p("vaulturi", "hsmpoolresourceid", "privateendpointconnections", "createmode"),
                  "properties.accesspolicies.applicationid"),
        *defaults({
            **dict.fromkeys(_p("enabledfordeployment", "enabledfordiskencryption", "enabledfortemplatedeployment",
                               "enablerbacauthorization", "enablepurgeprotection"), False),
            "properties.enablesoftdelete": True,
            "properties.softdeleteretentionindays": 90,
            "properties.publicnetworkaccess": "Enabled",
            "properties.networkacls.bypass": "AzureServices",
            "properties.networkacls.defaultaction": "Allow",
            "properties.sku.family": "A",
        }),
        Rule("properties.accesspolicies", How.KEYED, "objectid"),
    ),
    "Microsoft.Network/networkSecurityGroups": (
        *computed(*_p("defaultsecurityrules", "networkinterfaces", "subnets", "flushconnection", "flowlogs",
                      "securityrules.id", "securityrules.type")),
        Rule("properties.securityrules", How.KEYED, "name"),
        *(Rule(f"properties.securityrules.properties.{many}", How.SAME_AS, one)
          for many, one in (("destinationportranges", "destinationportrange"), ("sourceportranges", "sourceportrange"),
                            ("sourceaddressprefixes", "sourceaddressprefix"),
                            ("destinationaddressprefixes", "destinationaddressprefix"))),
        Rule("properties.securityrules.properties.protocol", How.ALIAS, {"asterisk": "*"}),
    ),
    "Microsoft.Network/virtualNetworks": (
        *computed(*_p("subnets.id", "subnets.type", "subnets.properties.ipconfigurations",
                      "subnets.properties.purpose", "virtualnetworkpeerings", "privateendpointvnetpolicies",
                      "subnets.properties.privateendpoints", "subnets.properties.servicenassociationlinks",
                      "subnets.properties.serviceendpoints.locations")),
        Rule("properties.subnets", How.KEYED, "name"),
        Rule("properties.subnets.properties.addressprefixes", How.SAME_AS, "addressprefix"),
        *defaults({
            "properties.enableddosprotection": False, "properties.enablevmprotection": False,
            "properties.subnets.properties.privateendpointnetworkpolicies": "Disabled",
            "properties.subnets.properties.privatelinkservicenetworkpolicies": "Enabled",
        }),
    ),
    "Microsoft.Network/networkInterfaces": computed(
        *_p("macaddress", "virtualmachine", "ipconfigurations.id", "ipconfigurations.type", "hostedworkloads",
            "primary", "vnetencryptionsupported", "nictype", "auxiliarymode", "auxiliarysku", "tapconfigurations",
            "dnssettings.internaldomainnamesuffix", "dnssettings.applieddnsservers",
            "ipconfigurations.properties.privateipaddress")),
    "Microsoft.Network/publicIPAddresses": (
        *computed(*_p("ipaddress", "ipconfiguration", "dnssettings.fqdn", "iptags"), "sku.tier"),
        *defaults({"properties.idletimeoutinminutes": 4, "properties.publicipaddressversion": "IPv4",
                   "sku.name": "Basic", "properties.ddossettings.protectionmode": "VirtualNetworkInherited"}),
    ),
    "Microsoft.Compute/virtualMachines": (
        *computed("resources", *_p("vmid", "instanceview", "timecreated", "osprofile.requireguestprovisionsignal",
                                   "storageprofile.osdisk.manageddisk.id",
                                   "storageprofile.datadisks.tobedetached",
                                   "storageprofile.imagereference.exactversion", "osprofile.secrets",
                                   "osprofile.adminpassword",
                                   "osprofile.linuxconfiguration.enablevmagentplatformupdates",
                                   "osprofile.windowsconfiguration.enablevmagentplatformupdates")),
        *defaults({"properties.osprofile.allowextensionoperations": True,
                   "properties.osprofile.linuxconfiguration.provisionvmagent": True,
                   "properties.osprofile.windowsconfiguration.provisionvmagent": True,
                   "properties.osprofile.windowsconfiguration.enableautomaticupdates": True,
                   "properties.diagnosticsprofile.bootdiagnostics.enabled": False}),
        Rule("properties.storageprofile.datadisks", How.KEYED, "lun"),
        *each(How.CASED, *_p("osprofile.adminusername", "osprofile.linuxconfiguration.ssh.publickeys.keydata")),
    ),
    "Microsoft.Compute/disks": (
        *computed(*_p("diskstate", "disksizebytes", "uniqueid", "burstingenabledtime"), "managedbyextended",
                  "sku.tier"),
        *defaults({"properties.networkaccesspolicy": "AllowAll", "properties.publicnetworkaccess": "Enabled",
                   "properties.encryption.type": "EncryptionAtRestWithPlatformKey"}),
    ),
    "Microsoft.Sql/servers": (
        *computed("kind", *_p("fullyqualifieddomainname", "state", "privateendpointconnections", "workspacefeature",
                              "administratorloginpassword", "externalgovernancestatus")),
        *defaults({"properties.publicnetworkaccess": "Enabled", "properties.version": "12.0",
                   "properties.restrictoutboundnetworkaccess": "Disabled"}),
    ),
    "Microsoft.Sql/servers/databases": computed(
        "kind", "managedby", *_p("status", "databaseid", "currentserviceobjectivename", "currentsku",
                                 "requestedserviceobjectivename", "earliestrestoredate", "defaultsecondarylocation",
                                 "maxlogsizebytes", "currentbackupstorageredundancy", "pauseddate", "resumeddate")),
    "Microsoft.Web/sites": (
        *computed(*_p("state", "hostnames", "repositorysitename", "usagestate", "enabledhostnames", "hostnamesslstates",
                      "lastmodifiedtimeutc", "inboundipaddress", "outboundipaddresses", "possibleoutboundipaddresses",
                      "possibleinboundipaddresses", "defaulthostname", "homestamp", "ftpshostname",
                      "customdomainverificationid", "slotswapstatus", "availabilitystate", "runtimeavailabilitystate",
                      "contentavailabilitystate", "selflink", "webspace", "sitedisabledreason", "deploymentid",
                      "kind", "possibleinboundipv6addresses", "outboundipv6addresses")),
        *defaults({"properties.enabled": True, "properties.httpsonly": False, "properties.clientcertenabled": False,
                   "properties.publicnetworkaccess": "Enabled", "properties.clientaffinityenabled": True}),
        Rule("properties.siteconfig.appsettings", How.PAIRS, "name value"),
        *each(How.CASED, *_p("siteconfig.appsettings")),
    ),
    "Microsoft.Web/serverfarms": computed(
        *_p("status", "geo", "resourcegroup", "numberofsites", "numberofworkers", "subscription",
            "currentnumberofworkers", "webspace", "planname", "serverfarmid", "mdmid", "currentworkersize",
            "currentworkersizeid"), "sku.family", "sku.size"),
    "Microsoft.ContainerService/managedClusters": (
        *computed(*_p("fqdn", "azureportalfqdn", "powerstate", "noderesourcegroup", "currentkubernetesversion",
                      "agentpoolprofiles.currentorchestratorversion", "agentpoolprofiles.nodeimageversion",
                      "agentpoolprofiles.powerstate", "networkprofile.loadbalancerprofile.effectiveoutboundips",
                      "identityprofile", "maxagentpools", "privatefqdn", "windowsprofile")),
        Rule("properties.agentpoolprofiles", How.KEYED, "name"),
    ),
    "Microsoft.ContainerRegistry/registries": (
        *computed(*_p("loginserver", "creationdate", "status", "privateendpointconnections", "datanendpointhostnames"),
                  "sku.tier"),
        *defaults({"properties.adminuserenabled": False, "properties.publicnetworkaccess": "Enabled",
                   "properties.zoneredundancy": "Disabled", "properties.anonymouspullenabled": False,
                   "properties.dataendpointenabled": False,
                   "properties.networkrulebypassoptions": "AzureServices"}),
    ),
    "Microsoft.DocumentDB/databaseAccounts": computed(
        *_p("documentendpoint", "writelocations", "readlocations", "failoverpolicies", "instanceid",
            "keysmetadata", "sqlendpoint", "locations.id", "locations.documentendpoint")),
}  # fmt: skip

AZURE: Final = ProviderRules(
    by_type=table(_BY_TYPE),
    is_caseless=True,
    tag_prefixes=("hidden-", "ms-resource-usage", "aks-managed-", "link:"),
    made_by_provider={
        "microsoftresourcessubscriptions": (("id", ".*"),),
        "microsoftresourcestenants": (("id", ".*"),),
        "microsoftnetworknetworkwatchers": (("name", "NetworkWatcher_.*"),),
        "microsoftcomputevirtualmachinesextensions": (("name", "MicrosoftMonitoringAgent|AzureMonitor.*Agent"),),
        "microsoftcomputedisks": (("managedby", "/subscriptions/.*"),),
        "microsoftsqlserversdatabases": (("name", "master|.*/master"),),
        "microsoftauthorizationroledefinitions": (("properties.type", "BuiltInRole"),),
        "microsoftauthorizationpolicydefinitions": (("properties.policytype", "BuiltIn|Static"),),
    },
)
"""Rules for Azure."""
