"""The matrix of access as the service mounts it, read from the document that is compiled from a city: nothing decides by anything else.

The tables themselves are in ``derive``, since the service has them too. Cedar stays the judge: the tests hold what was read from the
document against the policies and the plain reference.
"""

from __future__ import annotations

from typing import Self

from catalog import City
from derive import tables
from policies.access import document


class Tables(tables.Tables):
    """Decides for one city; made once, asked often."""

    @classmethod
    def of(cls, city: City) -> Self:
        """The tables by the catalog as it is here, by way of the document."""
        return cls.read(document.document(city))
