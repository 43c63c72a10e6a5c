"""The index of published lessons in PostgreSQL: made again at any time from the records in the object store, which stay the truth."""
