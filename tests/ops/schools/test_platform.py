"""What boxes are told of the platform: whose certificates it has, and never those of an authority that did not issue them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from catalog.errors import UserError
from local import paths
from ops.lessons import place
from ops.schools import platform
from ops.stack import authority, configuration, pair, school_authority

STACK = "prod"
OWN: dict[str, Any] = {"city": "tiny", "profile": "prod", "domain": "edu.example.cn", "certIssuer": "city-ca"}


@pytest.fixture(autouse=True)
def around(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clone without a stack; what boxes are told besides is not looked at."""
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    monkeypatch.setattr(platform, "parcel", dict)
    monkeypatch.setattr(place, "of_stack", lambda _: SimpleNamespace(url="https://edu.example.cn"))
    monkeypatch.setattr(configuration, "read_secrets", lambda _: {"accessKey": "k" * 32})
    school_authority.ensure()


def told(**settings: Any) -> str:
    """What boxes are told to trust by a stack whose file is the user's."""
    values = {f"huiju:{key}": value for key, value in {**OWN, **settings}.items() if value is not None}
    configuration.file(STACK).write_text(yaml.safe_dump({"config": values}))
    return str(platform.facts(STACK)["school_box_platform_ca"])


def test_boxes_trust_whom_the_stack_names_and_not_this_clone() -> None:
    authority.ensure("localhost")
    city = pair.authority("the city's").certificate
    assert told(platformCa=city) == city
    both = city + pair.authority("the next one").certificate
    assert told(platformCa=both) == both


@pytest.mark.parametrize("local", [False, True], ids=["a clone with this stack alone", "a clone with a local stack"])
@pytest.mark.parametrize("of", [{}, {"certIssuer": None, "tlsCert": pair.authority("another").certificate}])
def test_a_certificate_that_the_kit_did_not_issue_needs_to_be_vouched_for(local: bool, of: dict[str, Any]) -> None:
    if local:
        authority.ensure("localhost")
    with pytest.raises(UserError, match="pulumi config set huiju:platformCa --stack prod < "):
        told(**of)


def test_what_is_no_certificate_reaches_no_box() -> None:
    with pytest.raises(UserError, match="huiju:platformCa is no list"):
        told(platformCa="authority.pem")


def test_a_certificate_that_the_kit_issued_is_known_by_this_clone_s_authority() -> None:
    made = authority.ensure("localhost")
    assert told(certIssuer=None, tlsCert=made.certificate) == authority.certificate_file().read_text()


@pytest.mark.parametrize(
    ("settings", "ports"),
    [
        ({"publicPort": 30443, "overrides": {"exposure": "NodePort"}}, {"east": 30444, "hills": 30445}),
        ({"publicPort": 30443, "overrides": {"districtGateways": False}}, {}),
        ({}, {}),
    ],
    ids=["a port of nodes", "one gateway for all", "an address for each"],
)
def test_boxes_that_come_by_a_node_s_port_come_by_the_port_of_their_district_s_gateway(
    settings: dict[str, Any], ports: dict[str, int]
) -> None:
    values = {
        f"huiju:{key}": value
        for key, value in {**OWN, "platformCa": authority.ensure("x").certificate, **settings}.items()
    }
    configuration.file(STACK).write_text(yaml.safe_dump({"config": values}))
    assert platform.facts(STACK)["platform_edge_ports"] == ports


def test_a_generated_stack_whose_certificate_is_of_another_authority_is_made_anew() -> None:
    configuration.rewrite(STACK, {"config": {"huiju:domain": "localhost", "huiju:city": "tiny"}})
    assert configuration.generated(STACK)
    with pytest.raises(UserError, match="huiju up --stack prod"):
        platform.facts(STACK)
