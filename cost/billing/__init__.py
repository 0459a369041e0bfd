"""A tenant's billing rows in Parquet: taken in whole or not at all, and asked by day, service and more."""
