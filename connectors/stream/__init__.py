"""How changes travel from connectors to the shards that keep the graph, and events from any replica to any other."""
