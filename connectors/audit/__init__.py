"""Audit logs of the providers: who changed what, and when."""
