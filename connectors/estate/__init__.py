"""A made-up company in three clouds, for demos and benchmarks. Everything it writes is labelled synthetic."""

from connectors.estate.write import EstateSummary, write_estate

__all__ = ["EstateSummary", "write_estate"]
