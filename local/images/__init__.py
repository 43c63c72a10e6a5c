"""The container images: each built once from `local/images/<name>/Containerfile`, kept by content key, named by digest."""

from local.images.builder import Built, build
from local.images.lock import reference, references
from local.images.targets import load, push

__all__ = ["Built", "build", "load", "push", "reference", "references"]
