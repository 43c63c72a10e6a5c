"""Before anything is made the whole plan is judged by the policy pack's rules."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from catalog import City, load_named
from catalog.errors import UserError
from infra import config
from infra.plan.platform import plan
from infra.plan.resource import resource
from ops.stack import configuration, policies
from policies.platform.rules import RULES
from tests.infra.conftest import RAW, text


@pytest.fixture(params=["tiny", "neijiang"])
def city(request: pytest.FixtureRequest) -> City:
    return load_named(request.param)


@pytest.mark.parametrize("profile", ["local", "prod"])
def test_the_platform_s_own_plan_breaks_no_rule(city: City, profile: str) -> None:
    small = (city.id, profile) == ("tiny", "prod")
    # Its quotas do not hold what production keeps.
    sizes = {"storeSizeGib": 1, "metricsSizeGib": 1, "districtGateways": False} if small else {}
    settings = config.read(text({**RAW, "profile": profile, "overrides": sizes}), "test")
    resources = plan(city, settings).resources
    policies.judge(city, resources)
    assert len(resources) > 50


def test_every_breach_is_said_at_once_in_the_rules_words(city: City) -> None:
    space = resource({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x"}})
    pod = resource(
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "y"}, "spec": {"containers": [{"image": "z"}]}}
    )
    with pytest.raises(UserError) as refused:
        policies.judge(city, [space, pod])
    said = str(refused.value)
    assert said.startswith("nothing was changed")
    assert all(f"({rule.name})" in said for rule in RULES)
    assert "namespace/x has no label" in said
    assert "pod/y names the image 'z'" in said


@pytest.mark.parametrize("given", [None, "elsewhere"])
def test_the_pack_is_told_the_stack_s_city(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str | None) -> None:
    monkeypatch.setattr(configuration, "settings", lambda _: {"city": given} if given else {})
    pack, file = policies.options("s", tmp_path)[1::2]
    assert (Path(pack) / "PulumiPolicy.yaml").is_file()
    assert json.loads(Path(file).read_text()) == {rule.name: {"city": given or "tiny"} for rule in RULES}


def test_a_stack_whose_secrets_only_the_engine_opens_is_left_to_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(configuration, "document", lambda _: {"secretsprovider": "awskms://x"})
    policies.refuse("s")
