"""Targets a replication task can write to: one folder a target, all behind the protocol in `base`."""
