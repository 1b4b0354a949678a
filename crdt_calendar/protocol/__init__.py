"""Bytes to meaning and back, sans I/O: lib0, y-protocols, updates, presence, sync."""
