"""Who is calling: bearer tokens, one per tenant, and the operator's key of a local platform."""
