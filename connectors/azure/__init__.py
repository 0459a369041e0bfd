"""Azure: Resource Manager resources, list answers, and Resource Graph results."""
