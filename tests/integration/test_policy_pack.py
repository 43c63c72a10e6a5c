"""The real engine runs the real pack, which imports the catalog: a good plan passes, a plan that breaks a rule is refused in its words.

The provider renders its objects into a folder, so no cluster is asked.
"""

from __future__ import annotations

import json
import os
import subprocess
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from catalog import City, load_named
from infra import config
from infra.plan.platform import plan
from infra.plan.resource import HELM_RELEASE
from local import toolchain
from ops.stack import policies
from policies.platform.rules import RULES
from tests.infra.conftest import RAW, text

pytestmark = pytest.mark.integration
CASES = Path(__file__).resolve().parents[1] / "policies" / "cases"
PROGRAM = """
    import json, pathlib, pulumi
    here = pathlib.Path(__file__).parent
    version = pulumi.ResourceOptions(version="4.25.0")
    provider = pulumi.ProviderResource("kubernetes", "cluster", {"renderYamlToDirectory": str(here / "out")}, version)
    for row in json.loads((here / "plan.json").read_text()):
        options = pulumi.ResourceOptions(provider=provider, version="4.25.0")
        pulumi.CustomResource(row["type"], row["name"], row["props"], options)
"""
Row = dict[str, Any]


def planned(city: City) -> list[Row]:
    """The platform's own plan, as the program of the test registers it; a chart cannot be rendered."""
    resources = plan(city, config.read(text(RAW), "test")).resources
    return [
        {"type": each.token, "name": each.logical_name, "props": each.props}
        for each in resources
        if each.token != HELM_RELEASE
    ]


def case(name: str) -> Row:
    """The resource of a case of the pack's own tests."""
    return dict(yaml.safe_load((CASES / f"{name}.yaml").read_text())["resource"])


Preview = Callable[..., tuple[int, str]]


@pytest.fixture
def preview(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Preview:
    """``preview(rows)``: exit code and output of `pulumi preview` with the pack."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state-home"))
    (tmp_path / "infra").mkdir()
    (tmp_path / "infra" / "__main__.py").write_text(textwrap.dedent(PROGRAM))
    (tmp_path / "Pulumi.yaml").write_text("name: trial\nmain: infra/\nruntime:\n  name: python\n")
    (tmp_path / "backend").mkdir()
    own = {
        "PULUMI_BACKEND_URL": f"file://{tmp_path}/backend",
        "PULUMI_CONFIG_PASSPHRASE": "of a test",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }
    variables = {**os.environ, **toolchain.tool_env(), **own}

    def pulumi(*words: str) -> tuple[int, str]:
        done = subprocess.run(
            ["pulumi", *words, "--non-interactive", "--color", "never"],
            cwd=tmp_path, env=variables, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    assert pulumi("stack", "init", "dev")[0] == 0

    def run(rows: list[Row], city: str | None = None) -> tuple[int, str]:
        (tmp_path / "infra" / "plan.json").write_text(json.dumps(rows))
        words = ["--policy-pack", str(policies.PACK)]
        if city:
            file = tmp_path / "policy-pack.json"
            file.write_text(json.dumps({rule.name: {"city": city} for rule in RULES}))
            words += ["--policy-pack-config", str(file)]
        return pulumi("preview", *words)

    return run


@pytest.mark.parametrize("city", ["tiny", "neijiang"])
def test_the_platform_s_own_plan_passes(preview: Preview, city: str) -> None:
    rows = planned(load_named(city))
    code, said = preview(rows, city)
    assert code == 0, said
    assert "✅ huiju" in said
    assert f"+ {len(rows) + 2} to create" in said


def test_a_plan_that_breaks_each_rule_is_refused_in_its_words(preview: Preview) -> None:
    names = ("disallowed_funding_unknown_to_the_catalog", "disallowed_privileged", "disallowed_version_tag")
    code, said = preview([{**case(name), "name": name} for name in names], "tiny")
    assert code != 0
    for rule in RULES:
        assert f"[mandatory]  {rule.name}" in said
    assert "'petty-cash', which is none of the funding sources of tiny" in said


def test_the_pack_reads_the_catalog_that_it_is_told_of_or_the_namespace_s_label(preview: Preview) -> None:
    city = load_named("tiny")
    space = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": "x",
            "labels": {
                "huiju.dev/city": city.id,
                "huiju.dev/funding": city.funding_sources[0].id,
                "pod-security.kubernetes.io/enforce": "restricted",
            },
        },
    }
    rows = [{"type": "kubernetes:core/v1:Namespace", "name": "namespace/x", "props": space}]
    assert preview(rows)[0] == 0
    space["metadata"]["labels"].pop("huiju.dev/city")  # type: ignore[index]
    code, said = preview(rows)
    assert code != 0
    assert "none of the funding sources of no city" in said


def test_a_city_that_is_not_there_lets_nothing_through(preview: Preview) -> None:
    code, said = preview([case("allowed_restricted_deployment")], "./no-such-city")
    assert code != 0, said
