"""Where this machine finds the outside world: proxies, package mirrors, downloads and the image registry, in one place.

``~/.config/huiju/settings.yaml`` (``HUIJU_SETTINGS`` names another file), each key overridden by ``HUIJU_<SECTION>_<KEY>``. Nothing is
required: what is not set is left as the machine has it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from catalog import own_yaml
from catalog.errors import UserError


class Downloads(StrEnum):
    """Which official releases may be downloaded. Not whether: what may not is built from the module registries."""

    OFF = "off"
    PINNED = "pinned"
    PUBLISHED = "published"


class Section(BaseModel):
    """Frozen, and refuses keys it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Proxy(Section):
    """HTTP proxies, handed to every program the kit starts."""

    http: str = Field(default="", description="URL of the proxy for http")
    https: str = Field(default="", description="URL of the proxy for https")
    no: str = Field(
        default="",
        description="comma-separated hosts that are reached directly; loopback and the cluster are always added",
    )


class Mirrors(Section):
    """Package registries to use instead of the usual ones."""

    go: str = Field(default="", description="GOPROXY list")
    python: str = Field(default="", description="simple index of Python packages")
    npm: str = Field(default="", description="npm registry")
    maven: str = Field(default="", description="Maven repository")
    debian: str = Field(
        default="", description="Debian archive; its sibling debian-security is used for security updates"
    )


class Images(Section):
    """Container images."""

    registry: str = Field(default="", description="registry and path under which the city keeps the kit's images")
    base: Literal["", "bootstrap", "registry"] = Field(
        default="",
        description="how the Debian base is had: from its packages, or pulled; unset: from packages where mmdebstrap is installed",
    )
    upstream: str = Field(default="", description="name of the Debian slim image to pull instead of the usual one")
    builder: Literal["", "buildah", "podman", "docker"] = Field(
        default="", description="what builds images; unset: the first that works"
    )


class Releases(Section):
    """Official releases of tools."""

    allow: Downloads = Field(
        default=Downloads.PINNED,
        description="off; pinned: with a checksum committed in local/toolchain.yaml; published: also with the release site's",
    )
    mirror: str = Field(default="", description="base URL that stands in for the release sites: <mirror>/<host>/<path>")
    stall_seconds: float = Field(default=20, gt=0, description="give a download up after this long without a byte, s")


class Tools(Section):
    """Tools that are already on this machine."""

    from_path: bool = Field(
        default=True, description="use a tool from PATH when it is new enough; no: only the pinned versions"
    )


class Settings(Section):
    """The whole file."""

    proxy: Proxy = Proxy()
    mirrors: Mirrors = Mirrors()
    images: Images = Images()
    releases: Releases = Releases()
    tools: Tools = Tools()


ALWAYS_DIRECT = ("localhost", "127.0.0.1", "::1", "10.0.0.0/8", ".svc", ".cluster.local")
"""Never through a proxy: this machine, and the addresses and names of pods, services and nodes of the embedded cluster."""


def path() -> Path:
    """The settings file of this user."""
    folder = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return Path(os.environ.get("HUIJU_SETTINGS") or folder / "huiju" / "settings.yaml")


def load() -> Settings:
    """The settings of this user and environment; :class:`UserError` names the file and every wrong key."""
    where = path()
    try:
        raw = own_yaml.load(where) if where.exists() else None
        return Settings.model_validate(_overridden(raw if raw is not None else {}, os.environ))
    except ValidationError as error:
        lines = (f"{'.'.join(map(str, row['loc'])) or 'file'}: {row['msg']}" for row in error.errors())
        raise UserError(f"{where} (or a HUIJU_ variable that overrides it):\n" + "\n".join(lines)) from error


def environment(settings: Settings | None = None) -> dict[str, str]:
    """Variables that make pip, Go, npm and anything that honours proxies use the settings; empty when nothing is set."""
    chosen = settings or load()
    names = {
        "GOPROXY": chosen.mirrors.go,
        "PIP_INDEX_URL": chosen.mirrors.python,
        "UV_DEFAULT_INDEX": chosen.mirrors.python,
        "npm_config_registry": chosen.mirrors.npm,
        "HTTP_PROXY": chosen.proxy.http,
        "HTTPS_PROXY": chosen.proxy.https,
    }
    if chosen.proxy.http or chosen.proxy.https:
        names["NO_PROXY"] = ",".join([part for part in chosen.proxy.no.split(",") if part] + list(ALWAYS_DIRECT))
    # Programs disagree about the case of the proxy variables, so both are set.
    lower = {name.lower(): value for name, value in names.items() if name.endswith("_PROXY")}
    return {name: value for name, value in {**names, **lower}.items() if value}


def _overridden(raw: Any, variables: Mapping[str, str]) -> Any:  # noqa: ANN401 - unchecked YAML goes in and out
    """The file's content with each ``HUIJU_<SECTION>_<KEY>`` laid over it."""
    if not isinstance(raw, dict):
        return raw
    merged = {key: dict(value) if isinstance(value, dict) else value for key, value in raw.items()}
    for section, field in Settings.model_fields.items():
        for key in field.annotation.model_fields if field.annotation else ():
            value = variables.get(f"HUIJU_{section}_{key}".upper())
            if value is not None and isinstance(merged.setdefault(section, {}), dict):
                merged[section][key] = value
    return merged
