"""Billing exports of any size, read in batches and converted to FOCUS 1.2."""
