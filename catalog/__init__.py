"""The city, written down once as checked data: ``load(directory)`` gives a frozen, checked :class:`City` or every problem at once."""

from __future__ import annotations

from catalog.city import City
from catalog.loader import DATA, find, load, load_named, named, noticed
from catalog.problems import CatalogError, Problem

__all__ = ["DATA", "CatalogError", "City", "Problem", "find", "load", "load_named", "named", "noticed"]
