"""Azure resources as Terraform's azurerm provider declares them, in the shape of Resource Manager.

Source: Terraform registry documentation of the azurerm provider 3.x and 4.x,
https://registry.terraform.io/providers/hashicorp/azurerm; ARM template reference.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from connectors.baseline.shape import Each, One, Shape, Table, Words, listed, objects, write
from connectors.observation import Document, text
from domain.value import Json

_SWITCH: Final[Mapping[Json, Json]] = {True: "Enabled", False: "Disabled"}
_ABLE: Final[Mapping[Json, Json]] = {True: "Enabled", False: "Disabled"}


def _public(path: str = "properties.publicNetworkAccess") -> Words:
    return Words(path, _SWITCH)


def _storage(document: Document, values: Mapping[str, Json]) -> None:
    """The SKU is one word at the provider."""
    tier, copies = text(values.get("account_tier")), text(values.get("account_replication_type"))
    if tier and copies:
        document["sku"] = {"name": f"{tier}_{copies}"}
    rules = next(iter(objects(values.get("network_rules"))), None)
    if rules is not None:
        write(document, "properties.networkAcls.ipRules", [{"value": each} for each in listed(rules.get("ip_rules"))])
        write(document, "properties.networkAcls.virtualNetworkRules",
              [{"id": each} for each in listed(rules.get("virtual_network_subnet_ids"))])  # fmt: skip


_RULE: Final[Table] = {
    "description": "properties.description", "protocol": "properties.protocol", "access": "properties.access",
    "direction": "properties.direction", "priority": "properties.priority",
}  # fmt: skip


def _security_rule(rule: Mapping[str, Json]) -> Document:
    """One rule; a single value and a list are two attributes of which one is empty."""
    inner: Document = {}
    for name, path in _RULE.items():
        if isinstance(path, str) and rule.get(name) not in (None, ""):
            inner[path.removeprefix("properties.")] = rule[name]
    for name, one in (("source_port_range", "sourcePortRange"), ("destination_port_range", "destinationPortRange"),
                      ("source_address_prefix", "sourceAddressPrefix"),
                      ("destination_address_prefix", "destinationAddressPrefix")):  # fmt: skip
        many = listed(rule.get(f"{name}es" if name.endswith("x") else f"{name}s"))
        inner[one] = rule.get(name) or many or None
    return {"name": rule.get("name"), "properties": inner}


def _security_group(document: Document, values: Mapping[str, Json]) -> None:
    write(document, "properties.securityRules", [_security_rule(each) for each in objects(values.get("security_rule"))])


def _group_rule(document: Document, values: Mapping[str, Json]) -> None:
    write(document, "properties.securityRules", [_security_rule(values)])


def _network(document: Document, values: Mapping[str, Json]) -> None:
    write(document, "properties.addressSpace.addressPrefixes", values.get("address_space"))
    servers = listed(values.get("dns_servers"))
    if servers:
        write(document, "properties.dhcpOptions.dnsServers", servers)


def _vault(document: Document, values: Mapping[str, Json]) -> None:
    policies = values.get("access_policy")
    if isinstance(policies, list):
        write(document, "properties.accessPolicies", [
            {
                "objectId": each.get("object_id"),
                "permissions": {
                    name: each.get(f"{one}_permissions") or None
                    for name, one in (("keys", "key"), ("secrets", "secret"), ("certificates", "certificate"),
                                      ("storage", "storage"))
                },
            }
            for each in objects(policies)
        ])  # fmt: skip


def _machine(document: Document, values: Mapping[str, Json]) -> None:
    nics = [{"id": each} for each in listed(values.get("network_interface_ids"))]
    if nics:
        write(document, "properties.networkProfile.networkInterfaces", list[Json](nics))


_VM: Final[Table] = {
    "size": "properties.hardwareProfile.vmSize", "admin_username": "properties.osProfile.adminUsername",
    "license_type": "properties.licenseType", "priority": "properties.priority",
    "disable_password_authentication": "properties.osProfile.linuxConfiguration.disablePasswordAuthentication",
    "encryption_at_host_enabled": "properties.securityProfile.encryptionAtHost",
    "secure_boot_enabled": "properties.securityProfile.uefiSettings.secureBootEnabled",
    "vtpm_enabled": "properties.securityProfile.uefiSettings.vTpmEnabled",
    "os_disk": One("properties.storageProfile.osDisk", {
        "caching": "caching", "disk_size_gb": "diskSizeGB",
        "storage_account_type": "managedDisk.storageAccountType",
        "disk_encryption_set_id": "managedDisk.diskEncryptionSet.id"}),
    "source_image_reference": One("properties.storageProfile.imageReference", {
        "publisher": "publisher", "offer": "offer", "sku": "sku", "version": "version"}),
}  # fmt: skip

_SITE: Final[Table] = {
    "https_only": "properties.httpsOnly", "enabled": "properties.enabled",
    "client_certificate_enabled": "properties.clientCertEnabled", "service_plan_id": "properties.serverFarmId",
    "client_affinity_enabled": "properties.clientAffinityEnabled", "public_network_access_enabled": _public(),
    "virtual_network_subnet_id": "properties.virtualNetworkSubnetId",
    "site_config": One("properties.siteConfig", {
        "minimum_tls_version": "minTlsVersion", "ftps_state": "ftpsState", "http2_enabled": "http20Enabled",
        "always_on": "alwaysOn", "remote_debugging_enabled": "remoteDebuggingEnabled"}),
}  # fmt: skip

SHAPES: Final[Mapping[str, Shape]] = {
    "azurerm_storage_account": Shape("Microsoft.Storage/storageAccounts", {
        "min_tls_version": "properties.minimumTlsVersion", "account_kind": "kind",
        "https_traffic_only_enabled": "properties.supportsHttpsTrafficOnly",
        "enable_https_traffic_only": "properties.supportsHttpsTrafficOnly",
        "allow_nested_items_to_be_public": "properties.allowBlobPublicAccess",
        "shared_access_key_enabled": "properties.allowSharedKeyAccess",
        "public_network_access_enabled": _public(),
        "default_to_oauth_authentication": "properties.defaultToOAuthAuthentication",
        "cross_tenant_replication_enabled": "properties.allowCrossTenantReplication",
        "infrastructure_encryption_enabled": "properties.encryption.requireInfrastructureEncryption",
        "is_hns_enabled": "properties.isHnsEnabled", "nfsv3_enabled": "properties.isNfsV3Enabled",
        "sftp_enabled": "properties.isSftpEnabled", "local_user_enabled": "properties.isLocalUserEnabled",
        "access_tier": "properties.accessTier",
        "large_file_share_enabled": Words("properties.largeFileSharesState", _ABLE),
        "network_rules": One("properties.networkAcls", {"default_action": "defaultAction"})}, finish=_storage),
    "azurerm_key_vault": Shape("Microsoft.KeyVault/vaults", {
        "purge_protection_enabled": "properties.enablePurgeProtection",
        "soft_delete_retention_days": "properties.softDeleteRetentionInDays",
        "public_network_access_enabled": _public(),
        "enable_rbac_authorization": "properties.enableRbacAuthorization",
        "rbac_authorization_enabled": "properties.enableRbacAuthorization",
        "enabled_for_deployment": "properties.enabledForDeployment",
        "enabled_for_disk_encryption": "properties.enabledForDiskEncryption",
        "enabled_for_template_deployment": "properties.enabledForTemplateDeployment",
        "network_acls": One("properties.networkAcls", {"default_action": "defaultAction", "bypass": "bypass"}),
        "tenant_id": "properties.tenantId", "sku_name": "properties.sku.name"}, finish=_vault),
    "azurerm_network_security_group": Shape("Microsoft.Network/networkSecurityGroups", {}, finish=_security_group,
                                            ignored=frozenset({"security_rule"})),
    "azurerm_network_security_rule": Shape(
        "Microsoft.Network/networkSecurityGroups", {}, "{id}", is_aspect=True, finish=_group_rule),
    "azurerm_virtual_network": Shape("Microsoft.Network/virtualNetworks", {}, finish=_network,
                                     ignored=frozenset({"subnet", "guid"})),
    "azurerm_subnet": Shape("Microsoft.Network/virtualNetworks/subnets", {
        "address_prefixes": "properties.addressPrefix",
        "private_endpoint_network_policies": "properties.privateEndpointNetworkPolicies",
        "default_outbound_access_enabled": "properties.defaultOutboundAccess"}),
    "azurerm_public_ip": Shape("Microsoft.Network/publicIPAddresses", {
        "allocation_method": "properties.publicIPAllocationMethod", "sku": "sku.name",
        "idle_timeout_in_minutes": "properties.idleTimeoutInMinutes",
        "ip_version": "properties.publicIPAddressVersion",
        "domain_name_label": "properties.dnsSettings.domainNameLabel"}),
    "azurerm_managed_disk": Shape("Microsoft.Compute/disks", {
        "disk_size_gb": "properties.diskSizeGB", "storage_account_type": "sku.name",
        "disk_encryption_set_id": "properties.encryption.diskEncryptionSetId",
        "public_network_access_enabled": _public(), "network_access_policy": "properties.networkAccessPolicy"}),
    "azurerm_linux_virtual_machine": Shape("Microsoft.Compute/virtualMachines", _VM, finish=_machine),
    "azurerm_windows_virtual_machine": Shape("Microsoft.Compute/virtualMachines", _VM, finish=_machine),
    "azurerm_mssql_server": Shape("Microsoft.Sql/servers", {
        "minimum_tls_version": "properties.minimalTlsVersion", "public_network_access_enabled": _public(),
        "outbound_network_restriction_enabled": Words("properties.restrictOutboundNetworkAccess", _ABLE),
        "version": "properties.version", "administrator_login": "properties.administratorLogin"}),
    "azurerm_mssql_database": Shape("Microsoft.Sql/servers/databases", {
        "sku_name": "sku.name", "collation": "properties.collation", "zone_redundant": "properties.zoneRedundant",
        "ledger_enabled": "properties.isLedgerOn"}),
    "azurerm_linux_web_app": Shape("Microsoft.Web/sites", _SITE),
    "azurerm_windows_web_app": Shape("Microsoft.Web/sites", _SITE),
    "azurerm_container_registry": Shape("Microsoft.ContainerRegistry/registries", {
        "sku": "sku.name", "admin_enabled": "properties.adminUserEnabled",
        "public_network_access_enabled": _public(), "anonymous_pull_enabled": "properties.anonymousPullEnabled",
        "data_endpoint_enabled": "properties.dataEndpointEnabled"}),
    "azurerm_kubernetes_cluster": Shape("Microsoft.ContainerService/managedClusters", {
        "kubernetes_version": "properties.kubernetesVersion", "dns_prefix": "properties.dnsPrefix",
        "role_based_access_control_enabled": "properties.enableRBAC",
        "local_account_disabled": "properties.disableLocalAccounts",
        "private_cluster_enabled": "properties.apiServerAccessProfile.enablePrivateCluster",
        "sku_tier": "sku.tier"}),
    "azurerm_resource_group": Shape("Microsoft.Resources/resourceGroups", {"managed_by": "managedBy"}),
    "azurerm_network_interface": Shape("Microsoft.Network/networkInterfaces", {
        "enable_ip_forwarding": "properties.enableIPForwarding",
        "ip_forwarding_enabled": "properties.enableIPForwarding",
        "enable_accelerated_networking": "properties.enableAcceleratedNetworking",
        "accelerated_networking_enabled": "properties.enableAcceleratedNetworking",
        "ip_configuration": Each("properties.ipConfigurations", {
            "name": "name", "subnet_id": "properties.subnet.id",
            "public_ip_address_id": "properties.publicIPAddress.id",
            "private_ip_address_allocation": "properties.privateIPAllocationMethod"})}),
}  # fmt: skip
"""Every type that has a table."""

IGNORED: Final = frozenset({
    "id", "name", "location", "resource_group_name", "tags", "timeouts", "identity", "resource_group_id",
    "primary_access_key", "secondary_access_key", "vault_uri", "fqdn", "ip_address", "unique_id",
})  # fmt: skip
"""Attributes that are no attributes of the provider's document, of any type."""
