"""Rego: constraint templates of Gatekeeper and of the GCP policy library, one resource at a time."""
