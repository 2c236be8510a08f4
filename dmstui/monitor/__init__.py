"""Polls AWS on a schedule in a thread of its own, builds Snapshots and hands them on; records and replays them."""

from dmstui.monitor.monitor import Monitor

__all__ = ["Monitor"]
