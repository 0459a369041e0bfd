"""Where the log's files are kept: one port, a folder behind it or object storage."""
