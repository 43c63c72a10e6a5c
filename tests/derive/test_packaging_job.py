"""The Job's manifest: data stays data, and the pod may do nothing but run."""

from __future__ import annotations

import json
from typing import Any

from derive.packaging import FINAL_CODES, packaging_job
from services.packager.errors import BAD_INPUT, NO_SPACE

TITLE = '"; rm -rf / #\n$(HOME) ${x} {{ y }} : - &a'


def _job(title: str = TITLE) -> dict[str, Any]:
    return packaging_job("package-x", "registry/tools@sha256:0", {"id": "l-a", "about": {"title": title}}, 1 << 30)


def _container(job: dict[str, Any]) -> dict[str, Any]:
    return dict(job["spec"]["template"]["spec"]["containers"][0])


def test_a_title_never_leaves_its_json() -> None:
    container = _container(_job())
    assert container["command"] == ["python3", "-m", "packager"]
    assert "args" not in container
    (value,) = [row["value"] for row in container["env"] if row["name"] == "PACKAGER_REQUEST"]
    # Kubernetes turns $$ back into $ and replaces $(NAME) only where a single $ stands.
    assert json.loads(value.replace("$$", "$"))["about"]["title"] == TITLE
    assert "$(" not in value.replace("$$", "")
    assert TITLE not in json.dumps({**_job(), "spec": None}, ensure_ascii=False)


def test_the_pod_passes_the_restricted_profile() -> None:
    pod = _job()["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not pod["automountServiceAccountToken"]
    context = _container(_job())["securityContext"]
    assert (context["allowPrivilegeEscalation"], context["readOnlyRootFilesystem"]) == (False, True)
    assert context["capabilities"] == {"drop": ["ALL"]}


def test_what_another_try_cannot_mend_is_not_tried_again() -> None:
    (rule,) = _job()["spec"]["podFailurePolicy"]["rules"]
    assert rule["action"] == "FailJob"
    assert rule["onExitCodes"]["values"] == sorted([BAD_INPUT, NO_SPACE]) == list(FINAL_CODES)
    assert rule["onExitCodes"]["containerName"] == _container(_job())["name"]
    assert _job()["spec"]["template"]["spec"]["restartPolicy"] == "Never", "a failure policy needs it"


def test_the_packager_stops_before_the_kubelet_evicts() -> None:
    pod = _job()["spec"]["template"]["spec"]
    (size,) = [int(volume["emptyDir"]["sizeLimit"]) for volume in pod["volumes"] if "emptyDir" in volume]
    (told,) = [int(row["value"]) for row in _container(_job())["env"] if row["name"] == "PACKAGER_WORK_BYTES"]
    assert told == 1 << 30
    assert size > told
