"""The Job that packages one version of a lesson: what runs it, within which bounds. What it does is in its request."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from catalog import names
from derive import pods, store

COMPONENT = "packaging"
LABEL_LESSON = f"{names.LABEL_PREFIX}/lesson"
"""Label by which the Jobs of one lesson are found."""
WORK = "/work"
"""Scratch space of the Job: the upload and what one chunk of it becomes."""
CPU, CPU_LIMIT, MEMORY = "500m", "2", "1536Mi"
"""Nine encoders side by side up to 1080p take 0.95 GiB (measured 2026-11-24, preset veryfast, a 1080p source)."""
DEADLINE_SECONDS = 4 * 3600
"""A ladder of nine renditions of a 45-minute lesson takes about an hour on two cores; four times that is stuck."""
KEEP_SECONDS = 24 * 3600
"""A finished Job's log stays readable for a day."""
FINAL_CODES = (64, 74)
"""The packager's exit codes after which another try changes nothing: a bad upload, too little room (``services/packager/errors.py``)."""


def packaging_job(name: str, image: str, request: Mapping[str, Any], scratch_bytes: int) -> dict[str, Any]:
    """The Job ``name`` in which ``image`` packages what ``request`` asks for, with ``scratch_bytes`` to work in.

    The request travels as one JSON text in the pod's environment: it is data for the packager, never part of a command.
    """
    labels = {**names.labels(names.VIDEO_LIBRARY, COMPONENT), LABEL_LESSON: str(request["id"])}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "namespace": names.namespace(names.VIDEO_LIBRARY), "labels": labels},
        "spec": {
            "backoffLimit": 2,
            "activeDeadlineSeconds": DEADLINE_SECONDS,
            "ttlSecondsAfterFinished": KEEP_SECONDS,
            "podFailurePolicy": {"rules": [_give_up()]},
            "template": {"metadata": {"labels": labels}, "spec": _pod(image, request, scratch_bytes)},
        },
    }


def _give_up() -> pods.Manifest:
    return {
        "action": "FailJob",
        "onExitCodes": {"containerName": COMPONENT, "operator": "In", "values": list(FINAL_CODES)},
    }


def _pod(image: str, request: Mapping[str, Any], scratch_bytes: int) -> pods.Manifest:
    own = {"PACKAGER_REQUEST": json.dumps(request, ensure_ascii=False, sort_keys=True), "PACKAGER_WORK": WORK}
    container = {
        "name": COMPONENT,
        "image": image,
        "command": ["python3", "-m", "packager"],
        "env": environment(own, WORK, scratch_bytes),
        "resources": pods.resources(CPU, MEMORY, CPU_LIMIT),
        "securityContext": pods.container_security(),
        "volumeMounts": [store.client_mount(), {"name": "work", "mountPath": WORK}],
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }
    volumes = [store.client_volume(store.PACKAGER), pods.scratch("work", str(scratch_bytes + SLACK))]
    return pods.pod(COMPONENT, [container], volumes, restartPolicy="Never")


def environment(own: Mapping[str, str], work: str, scratch_bytes: int) -> list[pods.Manifest]:
    """The variables of a pod that packages in the folder ``work``: its ``own``, the store's, the buckets and its room."""
    told = {
        **own,
        "PACKAGER_WORK_BYTES": str(scratch_bytes),
        "PACKAGER_UPLOADS": names.BUCKET_UPLOADS,
        "PACKAGER_LESSONS": names.BUCKET_LESSONS,
        "TMPDIR": work,
        "HOME": work,
    }
    return [*store.client_env(), *({"name": key, "value": _literal(value)} for key, value in told.items())]


def _literal(value: str) -> str:
    """Kubernetes replaces ``$(NAME)`` in values: a title that says so stays as it is."""
    return value.replace("$", "$$")


SLACK = 64 << 20
"""The kubelet evicts a pod that is over its volume's limit; the packager stops before, with a sentence."""
