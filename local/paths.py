"""Where the kit keeps what it makes outside the clone: caches that clones share and state that belongs to one clone.

Caches are content-keyed and may be deleted at any time; state is not, and is kept apart per clone so that two clones never clash.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
"""The clone."""


def _xdg(variable: str, fallback: str) -> Path:
    return Path(os.environ.get(variable) or Path.home() / fallback) / "huiju"


def cache_dir() -> Path:
    """The shared, content-keyed cache (``$XDG_CACHE_HOME/huiju``)."""
    return _xdg("XDG_CACHE_HOME", ".cache")


def clone_id() -> str:
    """Eight hex digits that name this clone: a hash of its path. ``HUIJU_CLONE_ID`` overrides it (a second cluster of one clone)."""
    return os.environ.get("HUIJU_CLONE_ID") or hashlib.sha256(str(ROOT).encode()).hexdigest()[:8]


def state_dir() -> Path:
    """What belongs to this clone: Pulumi state, passphrase, cluster data (``$XDG_STATE_HOME/huiju/<clone id>``)."""
    return _xdg("XDG_STATE_HOME", ".local/state") / clone_id()


def pulumi_backend_dir() -> Path:
    """The self-managed file backend of this clone."""
    return state_dir() / "pulumi"


def passphrase_file() -> Path:
    """The stack passphrase, mode 0600."""
    return state_dir() / "passphrase"


def cluster_dir() -> Path:
    """Data folder of the embedded cluster."""
    return state_dir() / "cluster"


def kubeconfig() -> Path:
    """Kubeconfig of the embedded cluster."""
    return cluster_dir() / "kubeconfig"


def images_lock() -> Path:
    """JSON object: image name -> reference by digest, of the images that were built on this machine."""
    return state_dir() / "images.lock.json"
