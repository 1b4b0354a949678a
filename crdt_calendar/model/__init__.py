"""What a calendar is, on a `pycrdt.Doc`: events, recurrence, timeline, domain changes."""
