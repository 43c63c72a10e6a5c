"""Alembic's folder: one module for each change of the tables, never edited once it has run somewhere."""
