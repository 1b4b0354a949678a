"""Servers that are measured beside the calendar and have no program of their own."""
