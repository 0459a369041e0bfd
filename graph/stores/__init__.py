"""Where a tenant's graph is kept: one contract, several stores."""
