"""The matrix of access for people: a table, a page for lawyers, the difference between two states, one answer with its reasons."""
