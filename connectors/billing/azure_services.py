"""FOCUS service categories of Azure resource providers; what is not here is `Other`.

Decided here: each provider goes where the main function of its services is in the list of FOCUS 1.2.
"""

from __future__ import annotations

from typing import Final

_BY_CATEGORY: Final = {
    "AI and Machine Learning": "CognitiveServices MachineLearningServices BotService Search",
    "Analytics": "Synapse Databricks DataFactory StreamAnalytics HDInsight Kusto Purview PowerBIDedicated Fabric",
    "Compute": "Compute Capacity ContainerService ContainerInstance ContainerRegistry App Batch DesktopVirtualization "
    "ClassicCompute AVS ServiceFabric",
    "Databases": "Sql DBforMySQL DBforPostgreSQL DBforMariaDB DocumentDB Cache SqlVirtualMachine",
    "Developer Tools": "DevOps VisualStudio LoadTestService AppConfiguration DevTestLab DevCenter",
    "Identity": "AAD AzureActiveDirectory AADIAM",
    "Integration": "ServiceBus EventGrid EventHub Logic ApiManagement Relay NotificationHubs",
    "Internet of Things": "Devices DigitalTwins IoTCentral",
    "Management and Governance": "Insights OperationalInsights Monitor Automation RecoveryServices Portal Advisor "
    "AlertsManagement Dashboard",
    "Media": "Media",
    "Migration": "Migrate DataMigration",
    "Networking": "Network Cdn",
    "Security": "KeyVault Security SecurityInsights AzureDefender",
    "Storage": "Storage ClassicStorage NetApp StorageSync DataLakeStore ElasticSan StorageCache",
    "Web": "Web SignalRService Maps CertificateRegistration DomainRegistration",
}
CATEGORIES: Final = {
    f"Microsoft.{provider}": category for category, providers in _BY_CATEGORY.items() for provider in providers.split()
}
