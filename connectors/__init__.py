"""The outside: exports and recorded responses of clouds, read into configuration items."""
