"""Work submitted to a cluster with `ray job submit`."""
