"""The commands of ``crdt-calendar``, one noun a module."""
