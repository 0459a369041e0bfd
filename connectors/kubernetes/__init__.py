"""Kubernetes: objects and lists as the API server returns them."""
