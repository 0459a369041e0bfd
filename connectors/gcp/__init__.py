"""Google Cloud: Cloud Asset Inventory exports and API objects."""
