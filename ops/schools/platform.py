"""What the platform of a stack is to a school's box: names, port, trust, parcel, keys. Written where Ansible reads it."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from catalog import City, load_named, names
from catalog.errors import UserError
from derive import cache_tree, keys, school_box
from infra.plan import district_gateways, gateway
from ops.lessons import place
from ops.parcels import making
from ops.schools import enrolment
from ops.stack import authority, configuration, overrides, renewal, school_authority, trust

FILE = "platform.yml"


def facts(stack: str) -> dict[str, Any]:
    """Variables of the role `school_box` that the stack decides. UserError when it is not set up, or no parcel is made."""
    settings = configuration.settings(stack)
    domain = str(settings.get("edgeDomain") or settings["domain"])
    city = load_named(str(settings["city"]))
    seed = configuration.read_secrets(stack)["accessKey"]
    huiju = str(Path(sys.executable).parent / "huiju")
    return {
        "enrolment_folder": str(enrolment.folder()),
        "ansible_ssh_private_key_file": str(enrolment.login_key()),
        "platform_edge_hosts": {each: names.district_host(each, domain) for each in cache_tree.edges(city)},
        "platform_edge_ports": edge_ports(city, settings),
        "school_box_domain": domain,
        "school_box_platform_host": names.schools_host(domain),
        "school_box_parcels_host": names.parcels_host(domain),
        "school_box_platform_port": int(settings.get("publicPort") or 443),
        "school_box_platform_ca": trusted(stack, settings),
        "school_box_school_ca": school_authority.certificate_file().read_text(),
        "school_box_signer": [huiju, "school", "certificate", "--stack", stack, "--csr", "/dev/stdin"],
        "school_box_parcel": parcel(),
        "school_box_packages": list(school_box.PACKAGES),
        "school_box_token_issuer": place.of_stack(stack).url,
        "school_box_token_keys": renewal.ring(stack).public_keys(seed, keys.VIDEO),
    }


def edge_ports(city: City, settings: Mapping[str, Any]) -> dict[str, int]:
    """District -> port of its edge's host, where that is not the platform's: boxes that come by a node's port come by another one there."""
    if int(settings.get("publicPort") or 443) != gateway.NODE_PORT or not overrides.row(settings).district_gateways:
        return {}
    return {each: district_gateways.node_port(city, each) for each in cache_tree.edges_in_zone(city)}


def trusted(stack: str, settings: Mapping[str, Any]) -> str:
    """The authorities by which boxes know the platform, in PEM: those of the settings, or this clone's where it issued the certificate."""
    if given := trust.issuer(settings):
        return given
    own = authority.certificate_file().read_text() if authority.certificate_file().exists() else ""
    if own and own.strip() in str(settings.get("tlsCert")):
        return own
    if configuration.generated(stack):
        raise UserError(
            f"the certificate of stack {stack!r} is not of this clone's authority: `huiju up --stack {stack}`"
        )
    raise UserError(
        f"stack {stack!r} has a certificate that this kit did not issue, so boxes have to be told whose it is: "
        f"`pulumi config set huiju:platformCa --stack {stack} < authority.pem` with the issuer's own certificate (docs/engineer/infra.md)"
    )


def parcel() -> dict[str, Any]:
    """The parcel that boxes install: the one that was made here last."""
    current = making.folder() / making.CURRENT
    if not current.exists():
        raise UserError("no parcel is made here yet: `huiju parcel make`, then `huiju parcel publish`")
    found = json.loads(current.read_text())
    manifest = making.parse((making.folder() / found["id"] / making.MANIFEST).read_text())
    return {"id": found["id"], "key": found["key"], "versions": manifest.versions}


def write(stack: str) -> None:
    """Bring the file up to date."""
    enrolment.write_vars(enrolment.folder() / "group_vars" / "enrolled" / FILE, facts(stack))
