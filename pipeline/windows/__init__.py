"""Remembers: rolling windows of every community, added to atomically with the offset."""
