"""`local/images.yaml` as checked data: which images there are, what each stands on and what goes into it."""

from __future__ import annotations

import functools
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from catalog.errors import UserError
from local import paths

FILE = paths.ROOT / "local" / "images.yaml"
FOLDERS = Path(__file__).parent
DEBIAN = "debian"
"""As a base: the suite's own slim image, from a registry or bootstrapped."""


class Closed(BaseModel):
    """Frozen, and refuses keys it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Wheel(Closed):
    """One file out of a hash-pinned wheel."""

    lock: str = Field(description="Requirements file with hashes, in the image's folder.")
    path: str = Field(description="The file inside the wheel.")
    to: str = Field(description="Where it goes in the build context.")


class Artifact(Closed):
    """One archive of a Maven repository, unpacked; the top folder that it has is left out."""

    coordinates: str = Field(description="`group:artifact:version:packaging`.", pattern=r"^[\w.-]+(:[\w.-]+){2}:zip$")
    sha256: str = Field(description="Of the archive.", pattern=r"^[0-9a-f]{64}$")
    to: str = Field(description="Where it goes in the build context.")


class Site(Closed):
    """Static pages that a folder's own `build.sh OUT` makes with npm."""

    source: str = Field(description="Folder with build.sh and package-lock.json, from the root of the clone.")
    to: str = Field(description="Where it goes in the build context.")


class Packages(Closed):
    """Wheels installed for the image's own Python; built packages only, since nothing is compiled here."""

    lock: str = Field(description="Requirements file with hashes, in the image's folder.")
    python: str = Field(description="The image's Python, for instance `3.11`.")
    to: str = Field(description="Where they go in the build context.")


class Image(Closed):
    """One image; its Containerfile is `local/images/<name>/Containerfile`."""

    title: str = Field(description="What it is for, in a few words.")
    base: str | None = Field(
        None,
        description="Another image of this file, `debian`, or nothing (from scratch). Given as build argument BASE.",
    )
    programs: tuple[str, ...] = Field((), description="Tools of local/toolchain.yaml, copied to bin/ of the context.")
    wheel: Wheel | None = None
    artifact: Artifact | None = None
    packages: Packages | None = None
    site: Site | None = None
    copies: dict[str, str] = Field(default_factory=dict, description="Folder of the clone -> its name in the context.")
    internal: bool = Field(
        False, description="Only a step towards another image: never loaded, pushed or put in the lock."
    )


class Images(Closed):
    """The whole file."""

    namespace: str = Field(description="First part of every reference.")
    suite: str = Field(description="Debian suite.")
    upstream: str = Field(description="Registry name of the suite's slim image.")
    images: dict[str, Image]

    def get(self, name: str) -> Image:
        """The image ``name``, or a :class:`UserError` that lists the names there are."""
        if name not in self.images:
            raise UserError(
                f"there is no image called {name}. There are: {', '.join(self.public())} (local/images.yaml)."
            )
        return self.images[name]

    def public(self) -> tuple[str, ...]:
        """Names of the images that run in a cluster."""
        return tuple(name for name, image in self.images.items() if not image.internal)

    def lineage(self, name: str) -> tuple[str, ...]:
        """``name`` and every image it stands on, nearest first."""
        base = self.get(name).base
        return (name,) if base in {None, DEBIAN} else (name, *self.lineage(str(base)))


def load() -> Images:
    """The definitions, or a :class:`UserError` with every problem of the file."""
    return _read(FILE)


def folder(name: str) -> Path:
    """Folder of an image's Containerfile."""
    return FOLDERS / name


@functools.cache
def _read(file: Path) -> Images:
    try:
        return Images.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))
    except ValidationError as error:
        problems = (f"{'.'.join(map(str, row['loc']))}: {row['msg']}" for row in error.errors())
        raise UserError(f"{file}:\n" + "\n".join(problems)) from error
    except yaml.YAMLError as error:
        raise UserError(f"{file}: not YAML: {error}") from error
