"""Parcels: signed Debian packages that school boxes install from; made here, kept in the object store, served by the platform."""
