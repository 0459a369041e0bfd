"""Tests of `chain.reports`."""
