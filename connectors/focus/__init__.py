"""FOCUS: billing files in the FinOps Open Cost and Usage Specification."""
