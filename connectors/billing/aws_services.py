"""FOCUS service categories of AWS product codes; what is not here is `Other`.

Decided here, because the report has no category: each service goes where its main function is in the list of FOCUS 1.2.
"""

from __future__ import annotations

from typing import Final

_BY_CATEGORY: Final = {
    "AI and Machine Learning": "AmazonSageMaker AmazonBedrock AmazonRekognition AmazonPolly AmazonComprehend "
    "AmazonTextract AmazonTranscribe AmazonLex AmazonKendra AmazonPersonalize translate",
    "Analytics": "AmazonAthena AmazonKinesis AmazonKinesisFirehose AmazonKinesisAnalytics AmazonQuickSight AWSGlue "
    "ElasticMapReduce AmazonES AWSLakeFormation AmazonMSK AmazonDataZone",
    "Compute": "AmazonEC2 AWSLambda AmazonECS AmazonEKS AWSElasticBeanstalk AmazonLightsail AWSBatch AWSAppRunner "
    "AmazonECR AmazonECRPublic AmazonWorkSpaces AWSOutposts ComputeSavingsPlans",
    "Databases": "AmazonRDS AmazonDynamoDB AmazonElastiCache AmazonRedshift AmazonDocDB AmazonNeptune AmazonDAX "
    "AmazonMemoryDB AmazonTimestream AmazonQLDB AmazonMCS DatabaseSavingsPlans",
    "Developer Tools": "CodeBuild AWSCodePipeline AWSCodeCommit AWSCodeArtifact AWSCodeDeploy AWSXRay AWSCloudShell "
    "AWSDeviceFarm AmazonCodeWhisperer",
    "Identity": "AmazonCognito AWSDirectoryService AWSIAMAccessAnalyzer",
    "Integration": "AWSQueueService AmazonSNS AWSEvents AmazonMQ AmazonApiGateway AmazonStates AWSAppSync "
    "AmazonAppFlow AmazonSWF AmazonSES",
    "Internet of Things": "AWSIoT AWSIoTAnalytics AWSIoTEvents AWSGreengrass AWSIoTDeviceManagement AWSIoTSiteWise",
    "Management and Governance": "AmazonCloudWatch AWSCloudTrail AWSConfig AWSSystemsManager AWSCloudFormation "
    "AWSServiceCatalog AWSSupportBusiness AWSSupportEnterprise AWSSupportDeveloper AWSDeveloperSupport "
    "OCBPremiumSupport AWSTrustedAdvisor AWSCostExplorer AWSBudgets AWSBackup AWSResilienceHub",
    "Media": "AWSElementalMediaConvert AWSElementalMediaLive AWSElementalMediaPackage AmazonIVS "
    "AmazonElasticTranscoder",
    "Migration": "AWSDatabaseMigrationSvc AWSDataSync AWSTransfer AWSMigrationHubRefactorSpaces ApplicationMigration",
    "Networking": "AmazonVPC AWSDataTransfer AmazonRoute53 AmazonCloudFront AWSELB AWSDirectConnect "
    "AWSGlobalAccelerator AWSNetworkFirewall AWSCloudMap AWSAppMesh AWSCloudWAN",
    "Security": "awskms AWSSecretsManager AmazonGuardDuty AmazonInspector AmazonInspectorV2 AWSSecurityHub awswaf "
    "AWSShield AmazonMacie AWSCertificateManager CloudHSM AmazonDetective AWSSecurityLake",
    "Storage": "AmazonS3 AmazonS3GlacierDeepArchive AmazonGlacier AmazonEFS AmazonFSx AWSStorageGateway "
    "AWSImportExport AWSStorageGatewayDeepArchive",
}
CATEGORIES: Final = {code: category for category, codes in _BY_CATEGORY.items() for code in codes.split()}
