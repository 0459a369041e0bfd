"""What it costs: FOCUS rows joined to resources and policies."""
