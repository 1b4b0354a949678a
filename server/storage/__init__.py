"""Storage: the update log as a contract, and SQLite and memory behind it."""
