"""AWS: Config items and snapshots, advanced-query rows, and recorded API responses."""
