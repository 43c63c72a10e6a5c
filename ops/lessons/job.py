"""The packaging Job from outside: start it or join the one that runs, follow what it says, and know how it ended."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any

from catalog import names
from catalog.errors import UserError
from derive import live, packaging
from ops.lessons.place import Place

START_SECONDS = 300
"""How long a pod may take to start, its image's download included, before the wait is given up."""

GONE_SECONDS = live.GRACE_SECONDS + 30
"""How long pods that were told to end may take: a class on the air ends its playlists and packages first, for as long as it is given."""
PAUSE_SECONDS = 0.5
SPACE = names.namespace(names.VIDEO_LIBRARY)
Say = Callable[[dict[str, Any]], None]


def get(place: Place, *words: str) -> dict[str, Any]:
    """What the namespace has, as JSON; empty when it has none."""
    text = place.kubectl("get", *words, "-n", SPACE, "--ignore-not-found", "-o", "json")
    return dict(json.loads(text)) if text.strip() else {}


def condition(job: dict[str, Any]) -> dict[str, Any] | None:
    """How the Job ended; None while it has not."""
    found = job.get("status", {}).get("conditions", [])
    return next((row for row in found if row["type"] in ("Complete", "Failed") and row["status"] == "True"), None)


def remove(place: Place, name: str) -> None:
    """Delete the Job and its pods, if there is one, and wait until it is gone."""
    _delete(place, name)


def remove_of(place: Place, lesson_id: str) -> None:
    """Delete whatever packages this lesson, so that it does not come back after its removal."""
    _delete(place, "-l", f"{packaging.LABEL_LESSON}={lesson_id}")


def _delete(place: Place, *which: str) -> None:
    """Delete Jobs and wait until their pods are gone too: until then they may write what is to be removed.

    Asked again and again, since one request of kubectl's is not given as long as a class may take to end.
    """
    place.kubectl("delete", "job", *which, "-n", SPACE, "--ignore-not-found", "--cascade=foreground", "--wait=false")
    deadline = time.monotonic() + GONE_SECONDS
    while _any(get(place, "job", *which)):
        if time.monotonic() >= deadline:
            raise UserError(
                f"the Job does not end: look with `kubectl describe job {' '.join(which)} -n {SPACE}`, then run this again"
            )
        time.sleep(PAUSE_SECONDS)


def _any(found: dict[str, Any]) -> bool:
    """Whether it is a Job, or a list with one in it."""
    return bool(found.get("items", found))


def start(place: Place, manifest: dict[str, Any]) -> None:
    """Create the Job, unless it runs already (a publish that was interrupted, or another one of the same file)."""
    name = manifest["metadata"]["name"]
    there = get(place, "job", name)
    if there and condition(there) is None and not there["metadata"].get("deletionTimestamp"):
        return
    if there:
        remove(place, name)
    place.kubectl("create", "-f", "-", stdin=json.dumps(manifest))


def pod_of(place: Place, name: str) -> dict[str, Any] | None:
    """The newest pod of the Job."""
    pods = get(place, "pods", "-l", f"batch.kubernetes.io/job-name={name}").get("items", [])
    return max(pods, key=lambda pod: str(pod["metadata"]["creationTimestamp"]), default=None)


def _waiting(pod: dict[str, Any] | None) -> str:
    if pod is None:
        return "no pod yet"
    states = [row.get("state", {}).get("waiting", {}) for row in pod["status"].get("containerStatuses", [])]
    reasons = [f"{state['reason']} {state.get('message', '')}".strip() for state in states if state.get("reason")]
    unscheduled = [
        row.get("message", "")
        for row in pod["status"].get("conditions", [])
        if row["status"] == "False" and row.get("message")
    ]
    return "; ".join(reasons or unscheduled) or str(pod["status"].get("phase"))


def started(place: Place, name: str, seen: set[str]) -> str | None:
    """Name of the next pod that runs or has run; None when the Job ended without a further one."""
    deadline, pod = time.monotonic() + START_SECONDS, None
    while time.monotonic() < deadline:
        pod = pod_of(place, name)
        if pod and pod["metadata"]["name"] not in seen and pod["status"].get("phase") != "Pending":
            return str(pod["metadata"]["name"])
        job = get(place, "job", name)
        if not job or condition(job):
            return None
        time.sleep(PAUSE_SECONDS)
    raise UserError(f"the packaging Job {name} does not start: {_waiting(pod)}\nlook with `kubectl describe job {name} -n {SPACE}`; "
                    "publishing again goes on from here")  # fmt: skip


def _lines(place: Place, pod: str) -> Iterator[dict[str, Any]]:
    with subprocess.Popen(
        place.command("logs", "--follow", pod, "-n", SPACE),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        for line in process.stdout or ():
            try:
                said = json.loads(line)
            except ValueError:
                continue
            if isinstance(said, dict):
                yield said


def _message(pod: dict[str, Any] | None) -> str | None:
    """What the last pod's container left as its message, or why it was stopped."""
    for row in (pod or {}).get("status", {}).get("containerStatuses", []):
        ended = row.get("state", {}).get("terminated") or {}
        if ended.get("reason") == "OOMKilled":
            return "it ran out of memory"
        if ended.get("message"):
            return str(ended["message"])
    return str((pod or {}).get("status", {}).get("message") or "") or None


def follow(place: Place, name: str, say: Say) -> None:
    """Pass on what the Job says until it has ended; UserError with its one clear line when it failed."""
    seen: set[str] = set()
    error: str | None = None
    while (pod := started(place, name, seen)) is not None:
        seen.add(pod)
        for said in _lines(place, pod):
            error = str(said["error"]) if "error" in said else error
            say(said)
    job = get(place, "job", name)
    ended = condition(job) if job else None
    if ended is None:
        raise UserError(f"the packaging Job {name} was deleted while it ran; publish again")
    if ended["type"] == "Failed":
        raise UserError(
            f"the lesson was not published: {error or _message(pod_of(place, name)) or ended.get('message') or 'its Job failed'}"
        )
