"""Benchmarks: one file a question. `README.md` says what is measured and how."""
