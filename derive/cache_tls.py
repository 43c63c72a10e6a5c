"""By what an edge and the shield know each other: certificates from the stack's seed, each trusted for itself (decision 0123)."""

from __future__ import annotations

from collections.abc import Sequence

from catalog import names
from derive import cache_pod, cache_tree, pinned

Files = dict[str, str]
"""Entries of a Secret: the own pair, and the certificates that are trusted."""


def of_shield(seed: str, districts: Sequence[str]) -> Files:
    """The shield's: it trusts the edges of ``districts``, and nobody else."""
    trusted = "".join(_edge(seed, district)["tls.crt"] for district in districts)
    return {**_shield(seed), cache_pod.TRUSTED: trusted}


def of_edge(seed: str, district: str) -> Files:
    """An edge's: it trusts the shield, and nobody else."""
    return {**_edge(seed, district), cache_pod.TRUSTED: _shield(seed)["tls.crt"]}


def _shield(seed: str) -> Files:
    return pinned.pair(seed, "caches/shield", (cache_tree.shield_host(),))


def _edge(seed: str, district: str) -> Files:
    return pinned.pair(
        seed, f"caches/{names.edge_namespace(district)}", (names.edge_namespace(district),), pinned.CLIENT
    )
