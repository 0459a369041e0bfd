"""Reading exports from files: `read_inputs` gives an inventory that knows its gaps, and billing in FOCUS columns."""

from connectors.files.read import BillingFile, Reading, ReadProgress, read_inputs

__all__ = ["BillingFile", "ReadProgress", "Reading", "read_inputs"]
