"""The worker process of a replication task: reads a source, applies the mappings, writes a target, and tells."""
