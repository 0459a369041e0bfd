"""Drift: declared against observed, attribute by attribute, without what only the provider computes."""
