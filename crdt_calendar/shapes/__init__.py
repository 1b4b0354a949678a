"""Shapes: the model as plain JSON or MessagePack, for programs that do not speak Yjs.

Every door but Yjs gives and takes these types, so an event looks the same whoever asks. Names are
in camelCase. They are `msgspec` structs: one definition decodes, validates and describes itself as
JSON Schema.
"""
