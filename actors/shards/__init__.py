"""Which shard owns which tenant, what a shard may hold, and who watches over the shards."""
