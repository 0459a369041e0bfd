"""Every way in: HTTP API, command line, composition root."""
