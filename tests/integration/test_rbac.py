"""The matrix in the running cluster: the API server's own answers about tiers, verbs, kinds and namespaces, against a plain reference."""

from __future__ import annotations

import base64
import json
import random
import re
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import httpx
import pytest
import yaml
from cryptography import x509
from typer.testing import CliRunner

from catalog import City, load_named, names
from catalog.errors import UserError
from infra.plan import rbac
from ops.accesses import kubeconfig
from ops.cli import app
from ops.lessons import place
from ops.lessons.place import Place
from tests.infra import rbac_reference as reference
from tests.infra.rbac_reference import Asked
from tests.integration.conftest import Platform

pytestmark = pytest.mark.integration
SAMPLE = 3_000
"""Questions of `make test`, half of them about what is allowed; all of them, about 100,000, in `make proof`."""
WORKERS = 4
SERVING = re.compile(r"127\.0\.0\.1:\d+")


@pytest.fixture(scope="module")
def city(platform: Platform) -> City:
    return load_named(platform.wanted.city)


@pytest.fixture(scope="module")
def api(platform: Platform) -> Iterator[httpx.Client]:
    """The API server, as its administrator."""
    command = place.of_stack(platform.stack).command("proxy", "--port=0", "--address=127.0.0.1")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            found = SERVING.search(process.stdout.readline())
            assert found
            with httpx.Client(base_url=f"http://{found[0]}", timeout=30, trust_env=False) as client:
                yield client
        finally:
            process.terminate()


def allows(api: httpx.Client, asked: Asked) -> bool:
    """What the API server says about one question."""
    group, (kind, _, part) = asked.kind[0], asked.kind[1].partition("/")
    attributes = {
        "namespace": asked.namespace,
        "verb": asked.verb,
        "group": group,
        "resource": kind,
        "subresource": part,
    }
    groups = ["system:authenticated", *([names.tier_group(asked.tier)] if asked.tier else [])]
    spec = {"user": "somebody", "groups": groups, "resourceAttributes": attributes}
    review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
    answer = api.post("/apis/authorization.k8s.io/v1/subjectaccessreviews", json=review)
    answer.raise_for_status()
    return bool(answer.json()["status"]["allowed"])


def chosen(city: City, number: int) -> list[Asked]:
    """So many questions, always the same, half of them about what is allowed; all, where there are no more."""
    sides: dict[bool, list[Asked]] = {True: [], False: []}
    for asked in reference.questions(city):
        sides[reference.allowed(city, asked)].append(asked)
    if number >= len(sides[True]) + len(sides[False]):
        return [*sides[True], *sides[False]]
    dice, half = random.Random(20261128), min(number // 2, len(sides[True]))
    return [*dice.sample(sides[True], half), *dice.sample(sides[False], number - half)]


@pytest.mark.timeout(1800)
def test_the_api_server_says_what_the_reference_says(
    api: httpx.Client,
    city: City,
    campaign: Callable[[int, int], int],
    proof: Callable[[str, str], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked = chosen(city, campaign(SAMPLE, 10**9))
    wanted = [reference.allowed(city, each) for each in asked]
    with ThreadPoolExecutor(WORKERS) as pool:
        answers = list(pool.map(lambda each: allows(api, each), asked))
    wrong = [each for each, said, right in zip(asked, answers, wanted, strict=True) if said is not right]
    said = f"{len(asked):,} questions to the API server, {sum(wanted):,} allowed, {len(wrong)} mismatches"
    with capsys.disabled():
        print(f"\nrbac of {city.id}: {said}")
    proof(f"access: Kubernetes RBAC of the city {city.id} against a plain reference", said)
    assert not wrong, wrong[:20]
    assert 0 < sum(wanted) < len(asked)


TAKE_OVER = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "RoleBinding",
    "metadata": {"name": "mine", "namespace": "portal"},
    "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
    "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "somebody"}],
}
DRY = "--dry-run=server"


NAME, HOURS = "li-of-the-tests", 1


def bearer(platform: Platform, file: Path) -> Place:
    """The platform for whoever has the file."""
    return replace(place.of_stack(platform.stack), kubeconfig=str(file), context=None)


@pytest.fixture(scope="module")
def kubeconfigs(platform: Platform, city: City, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Tier -> what `huiju access kubeconfig` wrote for somebody of it; of every tier that the matrix lets in."""
    found = {tier: tmp_path_factory.mktemp("bearers") / tier for tier in rbac.tiers(city)}
    for tier, file in found.items():
        words = ("access", "kubeconfig", tier, "--name", NAME, "--hours", str(HOURS), "--out", str(file))
        done = CliRunner().invoke(app, [*words, "--stack", platform.stack])
        assert done.exit_code == 0, done.output
    return found


@pytest.fixture
def as_tier(platform: Platform, kubeconfigs: dict[str, Path]) -> Callable[[str], Callable[..., str]]:
    """kubectl of somebody of a tier; one that has no way in is played by the administrator."""

    def of(tier: str) -> Callable[..., str]:
        if tier in kubeconfigs:
            return bearer(platform, kubeconfigs[tier]).kubectl
        return partial(platform.cluster.kubectl, "--as", "somebody", "--as-group", names.tier_group(tier))

    return of


@pytest.mark.parametrize(
    ("tier", "words", "open_"),
    [
        ("technician", "get pods -n school-edge", True),
        ("technician", "get pods -n portal", False),
        ("technician", "logs deployment/intake -n school-edge --tail=1", True),
        ("technician", "get secrets -n school-edge", False),
        ("technician", f"delete pods -l app.kubernetes.io/name=intake -n school-edge {DRY}", True),
        ("technician", f"annotate deployment intake a=b -n school-edge {DRY}", False),
        ("technician", "exec deployment/intake -n school-edge -- true", False),
        ("technician", "get nodes", False),
        ("platform-operator", "get secrets -n object-store", True),
        ("platform-operator", "get secrets -n kube-system", False),
        ("platform-operator", "get pods -A", False),
        ("platform-operator", "get nodes", True),
        ("platform-operator", f"annotate deployment portal a=b -n portal {DRY}", True),
        ("platform-operator", f"annotate networkpolicy allowed a=b -n portal {DRY}", False),
        ("platform-operator", "exec deployment/portal -n portal -- true", True),
        ("platform-operator", f"create -f - {DRY}", False),
        ("school-staff", "get pods -n school-edge", False),
        ("student", "get pods -n video-library", False),
    ],
)
def test_a_person_of_a_tier_does_what_it_may_and_is_refused_the_rest(
    as_tier: Callable[[str], Callable[..., str]], tier: str, words: str, open_: bool
) -> None:
    kubectl, stdin = as_tier(tier), json.dumps(TAKE_OVER) if "-f" in words.split() else None
    if open_:
        kubectl(*words.split(), stdin=stdin)
        return
    with pytest.raises(UserError, match=r"(?i)forbidden"):
        kubectl(*words.split(), stdin=stdin)


def test_a_kubeconfig_names_its_bearer_ends_by_itself_and_leaves_no_request_behind(
    platform: Platform, kubeconfigs: dict[str, Path]
) -> None:
    for tier, file in kubeconfigs.items():
        assert file.stat().st_mode & 0o777 == 0o600
        who = json.loads(bearer(platform, file).kubectl("auth", "whoami", "-o", "json"))["status"]["userInfo"]
        assert (who["username"], names.tier_group(tier) in who["groups"]) == (
            kubeconfig.Bearer(tier, NAME, HOURS).user,
            True,
        )
        data = yaml.safe_load(file.read_text())["users"][0]["user"]["client-certificate-data"]
        certificate = x509.load_pem_x509_certificate(base64.b64decode(data))
        assert certificate.not_valid_after_utc - datetime.now(UTC) < timedelta(hours=HOURS)
    left = json.loads(platform.cluster.kubectl("get", "csr", "-o", "json"))["items"]
    assert not [each for each in left if NAME in each["metadata"]["name"]]


def test_the_roles_are_of_this_catalog_and_nothing_else_is_given_to_our_groups(platform: Platform, city: City) -> None:
    roles, *bindings = (
        json.loads(platform.cluster.kubectl("get", kind, "-A", "-o", "json"))["items"]
        for kind in ("clusterroles", "rolebindings", "clusterrolebindings")
    )
    stamps = {each["metadata"]["name"]: each["metadata"].get("annotations", {}) for each in roles}
    ours = {name: found[names.ANNOTATION_DIGEST] for name, found in stamps.items() if names.ANNOTATION_DIGEST in found}
    assert set(ours.values()) == {city.digest}
    given = {
        each["roleRef"]["name"]
        for listed in bindings
        for each in listed
        for subject in each.get("subjects", [])
        if subject["kind"] == "Group" and subject["name"].startswith(names.tier_group(""))
    }
    assert given == set(ours)
