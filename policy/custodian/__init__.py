"""Cloud Custodian policies: their filters compiled to the one representation of conditions."""
