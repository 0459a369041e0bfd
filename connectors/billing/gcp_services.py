"""FOCUS service categories of Google Cloud services by their names on the bill; what is not here is `Other`.

Decided here: each service goes where its main function is in the list of FOCUS 1.2.
"""

from __future__ import annotations

from typing import Final

_BY_CATEGORY: Final = {
    "AI and Machine Learning": "Vertex AI;Cloud Vision API;Cloud Natural Language;Cloud Speech API;"
    "Gemini API;Translate",
    "Analytics": "BigQuery;BigQuery Reservation API;BigQuery Storage API;Cloud Dataflow;Cloud Dataproc;Looker;"
    "Cloud Composer;Dataplex;Datastream",
    "Compute": "Compute Engine;Kubernetes Engine;Cloud Run;Cloud Run Functions;Cloud Functions;App Engine;"
    "VMware Engine;Artifact Registry;Container Registry Vulnerability Scanning;Batch",
    "Databases": "Cloud SQL;Cloud Spanner;Cloud Bigtable;Cloud Firestore;Cloud Memorystore for Redis;AlloyDB;"
    "Cloud Datastore;Memorystore",
    "Developer Tools": "Cloud Build;Cloud Source Repositories;Cloud Deploy;Cloud Workstations",
    "Identity": "Identity Platform;Cloud Identity",
    "Integration": "Cloud Pub/Sub;Cloud Tasks;Cloud Scheduler;Apigee;Eventarc;Workflows;Cloud Pub/Sub Lite",
    "Management and Governance": "Cloud Monitoring;Cloud Logging;Stackdriver Monitoring;Support;"
    "Backup and DR;Cloud Trace",
    "Networking": "Networking;Cloud DNS;Cloud CDN;Cloud Load Balancing;Network Intelligence Center;Cloud NAT",
    "Security": "Cloud Key Management Service (KMS);Secret Manager;Security Command Center;Cloud Armor;"
    "Certificate Authority Service;reCAPTCHA Enterprise",
    "Storage": "Cloud Storage;Cloud Filestore;NetApp Volumes;Storage Transfer Service",
    "Migration": "Migrate to Virtual Machines;Database Migration Service",
}
CATEGORIES: Final = {name: category for category, names in _BY_CATEGORY.items() for name in names.split(";")}
