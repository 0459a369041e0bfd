"""Which asset type a Google API object has, as data: by its `kind`, by its self-link, by the pattern of its name.

Source: Cloud Asset Inventory, supported asset types, https://cloud.google.com/asset-inventory/docs/asset-types.
"""

from __future__ import annotations

from collections.abc import Mapping

KIND_SERVICES: Mapping[str, str] = {
    "compute": "compute.googleapis.com",
    "storage": "storage.googleapis.com",
    "sql": "sqladmin.googleapis.com",
    "bigquery": "bigquery.googleapis.com",
    "dns": "dns.googleapis.com",
    "deploymentmanager": "deploymentmanager.googleapis.com",
    "container": "container.googleapis.com",
    "logging": "logging.googleapis.com",
    "cloudresourcemanager": "cloudresourcemanager.googleapis.com",
    "dataflow": "dataflow.googleapis.com",
}

EMBEDDED: Mapping[str, str] = {
    "storage.googleapis.com/Bucket": "acl",
    "cloudkms.googleapis.com/CryptoKey": "primary",
}
"""Keys under which a document holds other resources whole, with ids of their own."""

PLACES: Mapping[str, str] = {
    "compute#zone": "compute.googleapis.com/Zone",
    "compute#region": "compute.googleapis.com/Region",
    "projects/*/locations/*": "locations.googleapis.com/Location",
    "projects/*/metricDescriptors/*": "monitoring.googleapis.com/MetricDescriptor",
    "organizations/*/sources/*/findings/*": "securitycenter.googleapis.com/Finding",
    "projects/*/locations/*/recommenders/*/recommendations/*": "recommender.googleapis.com/Recommendation",
}
"""Catalogue entries that are named in full, by kind or name: what resources run in, and what is said of them."""

CATALOGUE_KINDS = frozenset(
    {
        "compute#operation",
        "compute#machineType",
        "compute#diskType",
        "compute#acceleratorType",
        "compute#nodeType",
        "compute#quota",
        "sql#operation",
        "sql#tier",
        "sql#flag",
        "deploymentmanager#operation",
        "dns#change",
        "dns#quota",
        "compute#instanceGroupsListInstances",
        "compute#serialPortOutput",
        "compute#guestAttributes",
    }
)

COLLECTIONS: Mapping[str, str] = {
    "addresses": "Address",
    "backendBuckets": "BackendBucket",
    "buckets": "Bucket",
    "cryptoKeyVersions": "CryptoKeyVersion",
    "cryptoKeys": "CryptoKey",
    "sslPolicies": "SslPolicy",
    "securityPolicies": "SecurityPolicy",
    "targetHttpProxies": "TargetHttpProxy",
    "targetHttpsProxies": "TargetHttpsProxy",
    "targetSslProxies": "TargetSslProxy",
    "targetTcpProxies": "TargetTcpProxy",
    "repositories": "Repository",
    "indexes": "Index",
    "managedZones": "ManagedZone",
    "alertPolicies": "AlertPolicy",
    "functions": "CloudFunction",
    "sslCerts": "SslCert",
}
"""Collections whose singular is not the plural without its last letter, or is called otherwise."""

NAMES: Mapping[str, str] = {
    "projects/*/locations/*/keyRings/*": "cloudkms.googleapis.com/KeyRing",
    "projects/*/locations/*/keyRings/*/cryptoKeys/*": "cloudkms.googleapis.com/CryptoKey",
    "projects/*/locations/*/keyRings/*/cryptoKeys/*/cryptoKeyVersions/*": "cloudkms.googleapis.com/CryptoKeyVersion",
    "projects/*/locations/*/keyRings/*/importJobs/*": "cloudkms.googleapis.com/ImportJob",
    "projects/*/locations/*/batchPredictionJobs/*": "aiplatform.googleapis.com/BatchPredictionJob",
    "projects/*/locations/*/customJobs/*": "aiplatform.googleapis.com/CustomJob",
    "projects/*/locations/*/hyperparameterTuningJobs/*": "aiplatform.googleapis.com/HyperparameterTuningJob",
    "projects/*/locations/*/modelDeploymentMonitoringJobs/*": "aiplatform.googleapis.com/ModelDeploymentMonitoringJob",
    "projects/*/locations/*/evaluationRuns/*": "aiplatform.googleapis.com/EvaluationRun",
    "projects/*/locations/*/evaluationItems/*": "aiplatform.googleapis.com/EvaluationItem",
    "projects/*/locations/*/evaluationSets/*": "aiplatform.googleapis.com/EvaluationSet",
    "projects/*/locations/*/endpoints/*": "aiplatform.googleapis.com/Endpoint",
    "projects/*/locations/*/models/*": "aiplatform.googleapis.com/Model",
    "projects/*/locations/*/datasets/*": "aiplatform.googleapis.com/Dataset",
    "projects/*/locations/*/trainingPipelines/*": "aiplatform.googleapis.com/TrainingPipeline",
    "projects/*/locations/*/pipelineJobs/*": "aiplatform.googleapis.com/PipelineJob",
    "projects/*/locations/*/indexes/*": "aiplatform.googleapis.com/Index",
    "projects/*/locations/*/featurestores/*": "aiplatform.googleapis.com/Featurestore",
    "projects/*/databases/*": "firestore.googleapis.com/Database",
    "projects/*/databases/*/backupSchedules/*": "firestore.googleapis.com/BackupSchedule",
    "projects/*/databases/*/collectionGroups/*/indexes/*": "firestore.googleapis.com/Index",
    "projects/*/databases/*/collectionGroups/*/fields/*": "firestore.googleapis.com/Field",
    "projects/*/locations/*/backups/*": "firestore.googleapis.com/Backup",
    "projects/*/topics/*": "pubsub.googleapis.com/Topic",
    "projects/*/subscriptions/*": "pubsub.googleapis.com/Subscription",
    "projects/*/snapshots/*": "pubsub.googleapis.com/Snapshot",
    "projects/*/schemas/*": "pubsub.googleapis.com/Schema",
    "projects/*/services/*": "serviceusage.googleapis.com/Service",
    "projects/*/locations/*/functions/*": "cloudfunctions.googleapis.com/CloudFunction",
    "projects/*/locations/*/keys/*": "apikeys.googleapis.com/Key",
    "projects/*/locations/*/repositories/*": "artifactregistry.googleapis.com/Repository",
    "projects/*/locations/*/repositories/*/dockerImages/*": "artifactregistry.googleapis.com/DockerImage",
    "projects/*/locations/*/spokes/*": "networkconnectivity.googleapis.com/Spoke",
    "projects/*/locations/*/global/hubs/*": "networkconnectivity.googleapis.com/Hub",
    "projects/*/locations/*/hubs/*": "networkconnectivity.googleapis.com/Hub",
    "projects/*/locations/*/clusters/*": "redis.googleapis.com/Cluster",
    "projects/*/locations/*/clusters/*/nodePools/*": "container.googleapis.com/NodePool",
    "projects/*/locations/*/jobs/*": "cloudscheduler.googleapis.com/Job",
    "projects/*/locations/*/queues/*": "cloudtasks.googleapis.com/Queue",
    "projects/*/locations/*/services/*": "run.googleapis.com/Service",
    "projects/*/locations/*/certificates/*": "certificatemanager.googleapis.com/Certificate",
    "projects/*/locations/*/certificateMaps/*": "certificatemanager.googleapis.com/CertificateMap",
    "projects/*/locations/*/instances/*": "notebooks.googleapis.com/Instance",
    "projects/*/locations/*/connectors/*": "vpcaccess.googleapis.com/Connector",
    "projects/*/locations/*/environments/*": "composer.googleapis.com/Environment",
    "projects/*/locations/*/caPools/*": "privateca.googleapis.com/CaPool",
    "projects/*/locations/*/workflows/*": "workflows.googleapis.com/Workflow",
    "projects/*/locations/*/triggers/*": "eventarc.googleapis.com/Trigger",
    "projects/*/serviceAccounts/*": "iam.googleapis.com/ServiceAccount",
    "projects/*/serviceAccounts/*/keys/*": "iam.googleapis.com/ServiceAccountKey",
    "projects/*/roles/*": "iam.googleapis.com/Role",
    "organizations/*/roles/*": "iam.googleapis.com/Role",
    "projects/*/instances/*": "spanner.googleapis.com/Instance",
    "projects/*/instances/*/databases/*": "spanner.googleapis.com/Database",
    "projects/*/instances/*/backups/*": "spanner.googleapis.com/Backup",
    "projects/*/instances/*/clusters/*": "bigtableadmin.googleapis.com/Cluster",
    "projects/*/instances/*/clusters/*/backups/*": "bigtableadmin.googleapis.com/Backup",
    "projects/*/instances/*/tables/*": "bigtableadmin.googleapis.com/Table",
    "projects/*/instances/*/appProfiles/*": "bigtableadmin.googleapis.com/AppProfile",
    "projects/*/secrets/*": "secretmanager.googleapis.com/Secret",
    "projects/*/secrets/*/versions/*": "secretmanager.googleapis.com/SecretVersion",
    "projects/*/alertPolicies/*": "monitoring.googleapis.com/AlertPolicy",
    "projects/*/notificationChannels/*": "monitoring.googleapis.com/NotificationChannel",
    "projects/*/patchDeployments/*": "osconfig.googleapis.com/PatchDeployment",
    "projects/*/models/*": "ml.googleapis.com/Model",
    "projects/*/jobs/*": "ml.googleapis.com/Job",
    "projects/*/repos/*": "sourcerepo.googleapis.com/Repo",
    "projects/*/sinks/*": "logging.googleapis.com/LogSink",
    "projects/*/metrics/*": "logging.googleapis.com/LogMetric",
    "projects/*/locations/*/buckets/*": "logging.googleapis.com/LogBucket",
    "projects/*/regions/*/clusters/*": "dataproc.googleapis.com/Cluster",
    "projects/*/locations/*/workerPools/*": "cloudbuild.googleapis.com/WorkerPool",
    "projects/*/triggers/*": "cloudbuild.googleapis.com/BuildTrigger",
    "organizations/*": "cloudresourcemanager.googleapis.com/Organization",
    "folders/*": "cloudresourcemanager.googleapis.com/Folder",
    "projects/*": "cloudresourcemanager.googleapis.com/Project",
    "organizations/*/sources/*": "securitycenter.googleapis.com/Source",
    "organizations/*/sources/*/findings/*/securityMarks": "securitycenter.googleapis.com/SecurityMarks",
    "organizations/*/notificationConfigs/*": "securitycenter.googleapis.com/NotificationConfig",
    "organizations/*/contacts/*": "essentialcontacts.googleapis.com/Contact",
    "projects/*/contacts/*": "essentialcontacts.googleapis.com/Contact",
    "folders/*/contacts/*": "essentialcontacts.googleapis.com/Contact",
    "apps/*": "appengine.googleapis.com/Application",
    "apps/*/services/*": "appengine.googleapis.com/Service",
    "apps/*/services/*/versions/*": "appengine.googleapis.com/Version",
    "accessPolicies/*": "accesscontextmanager.googleapis.com/AccessPolicy",
    "billingAccounts/*": "cloudbilling.googleapis.com/BillingAccount",
}
"""Patterns of names, with `*` for an identifier."""

CATALOGUE_NAMES = frozenset(
    {
        "projects/*/locations/*/operations/*",
        "projects/*/locations/*/models/*/operations/*",
        "projects/*/instances/*/operations/*",
        "projects/*/instanceConfigs/*",
        "operations/*",
        "projects/*/locations/*/insightTypes/*/insights/*",
    }
)

TELLING_KEYS: tuple[tuple[str, frozenset[str], str], ...] = (
    ("projects/*/instances/*", frozenset({"type"}), "bigtableadmin.googleapis.com/Instance"),
    ("projects/*/locations/*/instances/*", frozenset({"tier"}), "redis.googleapis.com/Instance"),
    ("projects/*/locations/*/instances/*", frozenset({"fileShares"}), "file.googleapis.com/Instance"),
    ("projects/*/locations/*/clusters/*", frozenset({"databaseVersion"}), "alloydb.googleapis.com/Cluster"),
    ("projects/*/locations/*/clusters/*", frozenset({"nodePools"}), "container.googleapis.com/Cluster"),
    ("projects/*/locations/*/backups/*", frozenset({"sourceInstance"}), "file.googleapis.com/Backup"),
    ("projects/*", frozenset({"projectNumber"}), "cloudresourcemanager.googleapis.com/Project"),
)
"""Where services share a pattern of names, keys that only one of them has."""
