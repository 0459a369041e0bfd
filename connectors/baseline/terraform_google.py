"""Google Cloud resources as Terraform's google provider declares them, in the shape of Google's APIs.

Source: Terraform registry documentation of the google provider 5.x and 6.x,
https://registry.terraform.io/providers/hashicorp/google; REST references of the services.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from connectors.baseline.shape import Each, One, Shape, Words, objects, write
from connectors.observation import Document
from domain.value import Json


def _firewall(document: Document, values: Mapping[str, Json]) -> None:
    for name, path in (("allow", "allowed"), ("deny", "denied")):
        rules = objects(values.get(name))
        if rules:
            document[path] = [
                {"IPProtocol": rule.get("protocol"), "ports": rule.get("ports") or None} for rule in rules
            ]


def _instance(document: Document, values: Mapping[str, Json]) -> None:
    metadata = values.get("metadata")
    if isinstance(metadata, dict):
        write(document, "metadata.items", [{"key": key, "value": value} for key, value in metadata.items()])
    tags = values.get("tags")
    if isinstance(tags, list):
        write(document, "tags.items", tags)
    accounts = objects(values.get("service_account"))
    if accounts:
        document["serviceAccounts"] = [{"email": each.get("email"), "scopes": each.get("scopes")} for each in accounts]


def _sql(document: Document, values: Mapping[str, Json]) -> None:
    settings = next(iter(objects(values.get("settings"))), {})
    addresses = next(iter(objects(settings.get("ip_configuration"))), {})
    allowed = addresses.get("authorized_networks")
    if isinstance(allowed, list):
        write(document, "settings.ipConfiguration.authorizedNetworks",
              [{"value": each.get("value")} for each in objects(allowed)])  # fmt: skip


def _bucket(document: Document, values: Mapping[str, Json]) -> None:
    rules: list[Json] = []
    for rule in objects(values.get("lifecycle_rule")):
        action = next(iter(objects(rule.get("action"))), {})
        condition = next(iter(objects(rule.get("condition"))), {})
        rules.append(
            {
                "action": {"type": action.get("type"), **_kept({"storageClass": action.get("storage_class")})},
                "condition": _kept(
                    {
                        "age": condition.get("age"),
                        "numNewerVersions": condition.get("num_newer_versions"),
                        "matchesStorageClass": condition.get("matches_storage_class"),
                        "createdBefore": condition.get("created_before"),
                    }
                ),
            }
        )
    document["lifecycle"] = {"rule": rules}


def _kept(values: Document) -> Document:
    return {key: value for key, value in values.items() if value not in (None, "", 0, [])}


def _dataset(document: Document, values: Mapping[str, Json]) -> None:
    for name, key in (("default_table_expiration_ms", "defaultTableExpirationMs"),):
        if values.get(name):
            document[key] = values[name]


SHAPES: Final[Mapping[str, Shape]] = {
    "google_storage_bucket": Shape("storage.googleapis.com/Bucket", {
        "uniform_bucket_level_access": "iamConfiguration.uniformBucketLevelAccess.enabled",
        "public_access_prevention": "iamConfiguration.publicAccessPrevention",
        "versioning": One("versioning", {"enabled": "enabled"}),
        "encryption": One("encryption", {"default_kms_key_name": "defaultKmsKeyName"}),
        "logging": One("logging", {"log_bucket": "logBucket", "log_object_prefix": "logObjectPrefix"}),
        "retention_policy": One("retentionPolicy", {"retention_period": "retentionPeriod", "is_locked": "isLocked"}),
        "location": "location", "storage_class": "storageClass", "requester_pays": "billing.requesterPays",
        "default_event_based_hold": "defaultEventBasedHold"}, finish=_bucket,
        ignored=frozenset({"lifecycle_rule", "soft_delete_policy", "autoclass", "hierarchical_namespace"})),
    "google_compute_firewall": Shape("compute.googleapis.com/Firewall", {
        "direction": "direction", "disabled": "disabled", "network": "network", "priority": "priority",
        "source_ranges": "sourceRanges", "destination_ranges": "destinationRanges", "source_tags": "sourceTags",
        "target_tags": "targetTags", "target_service_accounts": "targetServiceAccounts",
        "source_service_accounts": "sourceServiceAccounts", "description": "description"}, finish=_firewall,
        ignored=frozenset({"allow", "deny", "log_config"})),
    "google_compute_instance": Shape("compute.googleapis.com/Instance", {
        "machine_type": "machineType", "can_ip_forward": "canIpForward", "deletion_protection": "deletionProtection",
        "min_cpu_platform": "minCpuPlatform", "description": "description",
        "shielded_instance_config": One("shieldedInstanceConfig", {
            "enable_secure_boot": "enableSecureBoot", "enable_vtpm": "enableVtpm",
            "enable_integrity_monitoring": "enableIntegrityMonitoring"}),
        "scheduling": One("scheduling", {
            "automatic_restart": "automaticRestart", "on_host_maintenance": "onHostMaintenance",
            "preemptible": "preemptible", "provisioning_model": "provisioningModel"}),
        "network_interface": Each("networkInterfaces", {"network": "network", "subnetwork": "subnetwork"})},
        finish=_instance, ignored=frozenset({
            "metadata", "tags", "service_account", "boot_disk", "attached_disk", "scratch_disk", "zone",
            "current_status", "desired_status", "cpu_platform", "instance_id", "tags_fingerprint"})),
    "google_compute_network": Shape("compute.googleapis.com/Network", {
        "auto_create_subnetworks": "autoCreateSubnetworks", "routing_mode": "routingConfig.routingMode",
        "mtu": "mtu", "description": "description"}),
    "google_compute_subnetwork": Shape("compute.googleapis.com/Subnetwork", {
        "ip_cidr_range": "ipCidrRange", "network": "network", "private_ip_google_access": "privateIpGoogleAccess",
        "purpose": "purpose", "stack_type": "stackType",
        "secondary_ip_range": Each("secondaryIpRanges", {"range_name": "rangeName", "ip_cidr_range": "ipCidrRange"})}),
    "google_compute_disk": Shape("compute.googleapis.com/Disk", {
        "size": "sizeGb", "type": "type", "description": "description",
        "disk_encryption_key": One("diskEncryptionKey", {"kms_key_self_link": "kmsKeyName"})}),
    "google_compute_address": Shape("compute.googleapis.com/Address", {
        "address_type": "addressType", "network_tier": "networkTier", "purpose": "purpose"}),
    "google_sql_database_instance": Shape("sqladmin.googleapis.com/Instance", {
        "database_version": "databaseVersion",
        "settings": One("settings", {
            "tier": "tier", "availability_type": "availabilityType", "disk_size": "dataDiskSizeGb",
            "disk_type": "dataDiskType", "disk_autoresize": "storageAutoResize",
            "activation_policy": "activationPolicy", "pricing_plan": "pricingPlan",
            "deletion_protection_enabled": "deletionProtectionEnabled",
            "backup_configuration": One("backupConfiguration", {
                "enabled": "enabled", "start_time": "startTime",
                "point_in_time_recovery_enabled": "pointInTimeRecoveryEnabled",
                "binary_log_enabled": "binaryLogEnabled"}),
            "database_flags": Each("databaseFlags", {"name": "name", "value": "value"}),
            "ip_configuration": One("ipConfiguration", {
                "ipv4_enabled": "ipv4Enabled", "ssl_mode": "sslMode", "private_network": "privateNetwork"})})},
        finish=_sql),
    "google_container_cluster": Shape("container.googleapis.com/Cluster", {
        "enable_legacy_abac": "legacyAbac.enabled", "enable_shielded_nodes": "shieldedNodes.enabled",
        "logging_service": "loggingService", "monitoring_service": "monitoringService",
        "network": "network", "subnetwork": "subnetwork",
        "private_cluster_config": One("privateClusterConfig", {
            "enable_private_nodes": "enablePrivateNodes", "enable_private_endpoint": "enablePrivateEndpoint"}),
        "workload_identity_config": One("workloadIdentityConfig", {"workload_pool": "workloadPool"}),
        "release_channel": One("releaseChannel", {"channel": "channel"})}),
    "google_kms_crypto_key": Shape("cloudkms.googleapis.com/CryptoKey", {
        "purpose": "purpose", "rotation_period": "rotationPeriod",
        "version_template": One("versionTemplate", {
            "algorithm": "algorithm", "protection_level": "protectionLevel"})}),
    "google_pubsub_topic": Shape("pubsub.googleapis.com/Topic", {
        "kms_key_name": "kmsKeyName", "message_retention_duration": "messageRetentionDuration"}),
    "google_pubsub_subscription": Shape("pubsub.googleapis.com/Subscription", {
        "topic": "topic", "ack_deadline_seconds": "ackDeadlineSeconds",
        "message_retention_duration": "messageRetentionDuration", "retain_acked_messages": "retainAckedMessages",
        "enable_message_ordering": "enableMessageOrdering", "filter": "filter"}),
    "google_bigquery_dataset": Shape("bigquery.googleapis.com/Dataset", {
        "location": "location", "friendly_name": "friendlyName", "description": "description",
        "default_encryption_configuration": One("defaultEncryptionConfiguration", {
            "kms_key_name": "kmsKeyName"})}, finish=_dataset),
    "google_service_account": Shape("iam.googleapis.com/ServiceAccount", {
        "display_name": "displayName", "description": "description",
        "disabled": Words("disabled", {})}),
}  # fmt: skip
"""Every type that has a table."""

IGNORED: Final = frozenset({
    "id", "name", "self_link", "project", "region", "zone", "labels", "effective_labels", "terraform_labels",
    "timeouts", "force_destroy", "url", "label_fingerprint", "metadata_fingerprint", "creation_timestamp",
    "numeric_id", "uid", "etag", "fingerprint", "allow_stopping_for_update", "deletion_policy", "unique_id",
    "member", "email", "account_id",
})  # fmt: skip
"""Attributes that are no attributes of the provider's document, of any type."""
