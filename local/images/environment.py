"""Proxies and mirrors as builds see them; they are used during a build and never stay in an image."""

from __future__ import annotations

from local import settings


def variables() -> dict[str, str]:
    """Variables for programs that fetch packages (pip, npm, apt)."""
    return settings.environment()


def proxies() -> dict[str, str]:
    """The proxy variables among them, in the lower case that every program reads."""
    return {name: value for name, value in variables().items() if name.endswith("_proxy")}


def debian_mirror() -> str:
    """Address of a mirror that holds `debian`, with `debian-security` beside it; empty for the public ones."""
    return settings.load().mirrors.debian


def build_secrets() -> dict[str, str]:
    """What a build may read and no image keeps, not even in its history."""
    mirror = debian_mirror()
    return {"debian-mirror": mirror} if mirror else {}
