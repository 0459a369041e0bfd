"""Whole commands on recorded inputs, run by `.ci/run` where the inputs are present."""
