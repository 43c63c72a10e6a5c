"""What streams one class: the Job that takes it in, the address that the teacher's program sends to, and the passphrase between the two.

The class comes in by SRT, which encrypts it with a key from the passphrase and refuses whoever has another one. The passphrase lies in a
Secret that the pod reads as a file: it is in no argument, no variable and no log.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from catalog import City, names
from derive import ladder, link_budget, packaging, pods, store
from derive.moments import stamp
from derive.packaging import LABEL_LESSON

COMPONENT = "live"
PORT = 8890
"""Where the pod listens for SRT, UDP."""
SECRETS, PASSPHRASE = "/etc/live", "passphrase"
WORK = "/work"
"""Scratch space: the recording, and then what packaging needs. It outlives a crash of the container."""
CPU, CPU_LIMIT = "500m", "4"
GRACE_SECONDS = 120
"""To end the playlists and hand in the recording; what is left to package, the next pod does."""
RETRIES = 6
SPAN = timedelta(seconds=packaging.DEADLINE_SECONDS)
"""For packaging, after the longest class."""
SPACE = names.namespace(names.VIDEO_LIBRARY)


def request(
    city: City, lesson: str, about: Mapping[str, Any], started: datetime, weekly: str | None = None
) -> dict[str, Any]:
    """What the service is asked for: the class with its facts as ``lesson.json`` has them, and everything that decides how it is made.

    ``weekly`` says which of the school's promised classes it is (`link_budget.promised`).
    """
    facts = city.live
    return {
        "id": lesson,
        "about": dict(about),
        "started": stamp(started),
        "until": stamp(started + timedelta(minutes=facts.longest_minutes)),
        "segment_seconds": facts.segment_seconds,
        "window_segments": facts.window_segments,
        "rejoin_seconds": facts.rejoin_seconds,
        "recorded": facts.recorded,
        "ingest_kbps": facts.ingest_kbps,
        "promised": link_budget.promised(city, about["school"]["code"], weekly),
        "frames_per_second": city.packaging.frames_per_second,
        "audio_kbps": city.packaging.audio_kbps,
        "rungs": [row for row in ladder.rungs(city) if row["name"] in facts.renditions],
        "packaging": {
            "recipe": ladder.recipe(city),
            "ladder": ladder.ladder(city),
            "download": ladder.download(city, about["licence"]["id"]),
        },
    }


def room(city: City) -> int:
    """Bytes that a class may take while it is recorded and packaged."""
    recording = city.live.ingest_kbps * 125 * city.live.longest_minutes * 60
    return ladder.working_bytes(city, recording if city.live.recorded else 0)


def job(city: City, image: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    """The Job in which ``image`` streams the class that :func:`request` describes."""
    labels, length = _labels(str(asked["id"])), timedelta(minutes=city.live.longest_minutes)
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": names.live_class(str(asked["id"])), "namespace": SPACE, "labels": labels},
        "spec": {
            "backoffLimit": RETRIES,
            "activeDeadlineSeconds": int((length + SPAN).total_seconds()),
            "ttlSecondsAfterFinished": packaging.KEEP_SECONDS,
            "template": {"metadata": {"labels": labels}, "spec": _pod(image, asked, room(city))},
        },
    }


def service(lesson: str, exposure: str, owner: Mapping[str, Any]) -> dict[str, Any]:
    """The address from outside, of the type that the stack exposes its gateway by; it goes when ``owner``, the Job as stored, goes."""
    port = {"name": "srt", "port": PORT, "targetPort": PORT, "protocol": "UDP"}
    spec = {"type": exposure, "selector": _labels(lesson), "ports": [port]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": _owned(lesson, owner), "spec": spec}


def secret(lesson: str, passphrase: str, owner: Mapping[str, Any]) -> dict[str, Any]:
    """The Secret with the passphrase; it goes when ``owner``, the Job as stored, goes."""
    entries = {PASSPHRASE: passphrase}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": _owned(lesson, owner), "stringData": entries}


def _labels(lesson: str) -> dict[str, str]:
    return {**names.labels(names.VIDEO_LIBRARY, COMPONENT), LABEL_LESSON: lesson}


def _owned(lesson: str, owner: Mapping[str, Any]) -> dict[str, Any]:
    found = owner["metadata"]
    reference = {"apiVersion": "batch/v1", "kind": "Job", "name": found["name"], "uid": found["uid"]}
    name = names.live_class(lesson)
    return {"name": name, "namespace": SPACE, "labels": _labels(lesson), "ownerReferences": [reference]}


def _pod(image: str, asked: Mapping[str, Any], scratch: int) -> pods.Manifest:
    own = {
        "LIVE_REQUEST": json.dumps(asked, ensure_ascii=False, sort_keys=True),
        "LIVE_PASSPHRASE_FILE": f"{SECRETS}/{PASSPHRASE}",
        "LIVE_PORT": str(PORT),
        "LIVE_WORK": WORK,
    }
    container = {
        "name": COMPONENT,
        "image": image,
        "command": ["python3", "-m", "services.live"],
        "env": packaging.environment(own, WORK, scratch),
        "ports": [{"name": "srt", "containerPort": PORT, "protocol": "UDP"}],
        "resources": pods.resources(CPU, packaging.MEMORY, CPU_LIMIT),
        "securityContext": pods.container_security(),
        "volumeMounts": [
            store.client_mount(),
            {"name": "work", "mountPath": WORK},
            {"name": "passphrase", "mountPath": SECRETS, "readOnly": True},
        ],
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }
    volumes = [
        store.client_volume(store.PACKAGER),
        pods.scratch("work", str(scratch + packaging.SLACK)),
        pods.secret_files("passphrase", names.live_class(str(asked["id"]))),
    ]
    # In place, so that what is recorded already stays where it is.
    more = {"restartPolicy": "OnFailure", "terminationGracePeriodSeconds": GRACE_SECONDS}
    return pods.pod(COMPONENT, [container], volumes, **more)
