"""Rooms: one document, its peers, and the path of an update from a socket to the disk and out."""
