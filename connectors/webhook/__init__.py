"""Webhooks: signed messages to addresses that customers name, and never to our own machines."""
