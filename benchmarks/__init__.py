"""Measurements beside a peer or a limit, each printing one JSON object."""
