"""Keys: where they are kept, how a log's key is replaced, and which keys were a log's at which size."""
