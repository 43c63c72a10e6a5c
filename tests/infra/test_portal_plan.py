"""The portal in the plan: its pages may read from the caches in the schools, and from nowhere else."""

from __future__ import annotations

import re
from typing import Any

from catalog import City, names
from infra.plan import portal
from infra.plan.resource import Resource
from local.images.definition import FOLDERS
from tests.infra.conftest import Settings


def one(plan: tuple[Resource, ...], kind: str) -> dict[str, Any]:
    (found,) = [each.props for each in plan if each.kind == kind]
    return found


def test_its_pages_may_read_from_the_caches_in_the_schools(tiny: City, settings: Settings) -> None:
    known = settings()
    plan = portal.plan(tiny, known)
    (row,) = one(plan, "ConfigMap")["data"].values()
    assert row == f'default " https://{names.edge_host("*", known.boxes_domain)}";\n'
    assert known.boxes_domain in row


def test_without_boxes_there_is_nowhere_else(tiny: City, settings: Settings) -> None:
    (row,) = one(portal.plan(tiny, settings(schoolCa=None)), "ConfigMap")["data"].values()
    assert row == ""


def test_the_image_takes_the_row_from_where_it_is_mounted(tiny: City, settings: Settings) -> None:
    pod = one(portal.plan(tiny, settings()), "Deployment")["spec"]["template"]["spec"]
    (mount,) = [each for each in pod["containers"][0]["volumeMounts"] if each["name"] == names.PORTAL]
    text = (FOLDERS / "pages" / "nginx.conf").read_text()
    assert re.search(rf"map \$host \$elsewhere {{ include {mount['mountPath']}/\*\.map; }}", text)
    assert "connect-src 'self'$elsewhere;" in text
