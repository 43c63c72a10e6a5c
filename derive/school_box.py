"""The box of a school: what it is made of and the names that the sides of it share. Pure; the role `school_box` applies it."""

from __future__ import annotations

PACKAGES = (
    "ca-certificates",
    "chrony",
    "openssl",
    "prometheus-node-exporter",
    "trafficserver",
    "trafficserver-experimental-plugins",
    "unbound",
    "victoria-metrics",
)
"""Debian packages that a box installs; a parcel holds them with all that they need."""
