"""Routes under /api/v2. They know messages, handles and the domain; how things are wired is decided in bootstrap."""
