"""Keeps the lessons of a school's box: gives up those that were withdrawn, fetches those that are planned, takes in those on a stick."""
