"""Settings and plans that the tests of infra share."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from catalog import City, load_named
from infra import config
from infra.plan.platform import IMAGES, Platform, plan

DIGEST = "registry.example/city/{}@sha256:" + "0" * 64
MANIFESTS = Path(__file__).parent / "manifests"
"""What stands for the toolchain's, which a fast test has not."""
SEED = "a-seed-of-thirty-two-characters-or-more"
RAW: dict[str, Any] = {
    "profile": "local",
    "domain": "localhost",
    "publicPort": 8443,
    "images": {name: DIGEST.format(name) for name in IMAGES},
    "gatewayChart": "/charts/gateway-helm",
    "storeAdminKey": SEED,
    "accessKey": SEED,
    "databaseKey": SEED,
    "rosterKey": SEED,
    "identityKey": SEED,
    "databaseOperator": str(MANIFESTS / "operator.yaml"),
    "databasePlugin": str(MANIFESTS / "plugin.yaml"),
    "tlsCert": "a certificate",
    "tlsKey": "a planted key",
    "schoolCa": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
}
"""A complete stack config, by key."""

FITS_TINY = {"storeSizeGib": 20, "metricsSizeGib": 19, "districtGateways": False}
"""Cells by which production fits into the quotas of `tiny`."""

Settings = Callable[..., config.StackSettings]


def text(values: dict[str, Any]) -> dict[str, str]:
    """As the engine hands it over: every value is text."""
    return {f"huiju:{key}": value if isinstance(value, str) else json.dumps(value) for key, value in values.items()}


@pytest.fixture(scope="session")
def settings() -> Settings:
    """``settings(key=value)``: the complete stack config with these keys otherwise; None leaves a key out."""

    def build(**changes: Any) -> config.StackSettings:
        values = {key: value for key, value in {**RAW, **changes}.items() if value is not None}
        return config.read(text(values), "test")

    return build


@pytest.fixture(scope="session", params=["tiny", "neijiang"])
def city(request: pytest.FixtureRequest) -> City:
    """Both worked cities."""
    return load_named(request.param)


@pytest.fixture(scope="session")
def tiny() -> City:
    """The small one."""
    return load_named("tiny")


@pytest.fixture(scope="session", params=["local", "prod"])
def planned(request: pytest.FixtureRequest, city: City, settings: Settings) -> Platform:
    """The whole plan, for both cities and both profiles."""
    small = (city.id, request.param) == ("tiny", "prod")
    return plan(city, settings(profile=request.param, overrides=FITS_TINY if small else {}))
