"""Index of a notebook (SQLite with full-text search); derived from the files, may be deleted at any time."""
