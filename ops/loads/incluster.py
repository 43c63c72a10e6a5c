"""A run inside the cluster: make its namespace, follow its master, take it all away, also when this process is killed.

A guard process cleans up: it waits until its standard input ends, which happens when this process ends in whatever way, and then
deletes the namespace. Ending well goes the same way.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

from rich.console import Console

from catalog import names
from catalog.errors import UserError
from infra.plan import gateway
from loadtests.order import Order
from ops.lessons.place import Place
from ops.loads import manifests
from ops.loads.following import Display, Result, follow
from ops.loads.manifests import MASTER, SPACE, START_SECONDS, Crew

IMAGE: Final = "kit"
PAUSE: Final = 0.5
MARGIN_SECONDS: Final = 120
"""What a run may take longer than its minutes: its end, its report."""
GUARD: Final = "import subprocess, sys; sys.stdin.read(); sys.exit(subprocess.run(sys.argv[1:]).returncode)"


def address() -> str:
    """Where the gateway is to be found from inside the cluster."""
    return f"https://{gateway.PROXY}.{names.namespace(names.GATEWAY)}.svc:443"


def run(
    place: Place, order: Order, sessions: Mapping[str, str], workers: int, *, report: Path, console: Console
) -> Result:
    """Run it to its end. Raises UserError when it cannot begin."""
    text, secret = order.model_dump_json(), json.dumps(dict(sessions))
    if max(len(text.encode()), len(secret.encode())) > manifests.CONFIG_MAP_BYTES * 0.9:
        raise UserError(
            "the order is larger than Kubernetes keeps: replay a shorter --span, or run it with --processes here"
        )
    crew = Crew(place.reference(IMAGE), workers, text, secret, order.plan.seconds + MARGIN_SECONDS)
    with cleaned(place, console):
        place.kubectl("create", "-f", "-", stdin=json.dumps(manifests.space()))
        listing = {"apiVersion": "v1", "kind": "List", "items": list(manifests.inside(crew))}
        place.kubectl("create", "-f", "-", stdin=json.dumps(listing))
        _started(place)
        report.parent.mkdir(parents=True, exist_ok=True)
        return follow(_lines(place, report.with_suffix(".log")), Display(console))


@contextmanager
def cleaned(place: Place, console: Console) -> Iterator[None]:
    """The namespace was not there before, and is gone afterwards; one that takes its time is said, and takes no result away."""
    if there := place.kubectl("get", "namespace", SPACE, "--ignore-not-found", "-o", "name").strip():
        raise UserError(f"{there} is there: a load test is under way, or was cut off; `huiju load clean` takes it away")
    words = place.command("delete", "namespace", SPACE, "--ignore-not-found", "--wait=true", "--timeout=120s")
    guard = subprocess.Popen(
        [sys.executable, "-c", GUARD, *words], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True
    )
    try:
        yield
    finally:
        _close(guard.stdin)
        if guard.wait():
            console.print(f"namespace {SPACE} is not gone yet: `huiju load clean` tries again", style="yellow")


def _close(stream: IO[bytes] | None) -> None:
    if stream:
        stream.close()


def clean(place: Place) -> bool:
    """Take away what a run left behind, or one that is under way; False when there was nothing."""
    if not place.kubectl("get", "namespace", SPACE, "--ignore-not-found", "-o", "name").strip():
        return False
    done = subprocess.run(
        place.command("delete", "namespace", SPACE, "--ignore-not-found", "--timeout=120s"), check=False
    )
    if done.returncode:
        raise UserError(f"namespace {SPACE} does not go: `kubectl get all -n {SPACE}` shows what holds it")
    return True


def _master(place: Place) -> dict[str, Any]:
    selector = ",".join(f"{key}={value}" for key, value in names.selector(names.LOAD_TEST, MASTER).items())
    found = json.loads(place.kubectl("get", "pods", "-n", SPACE, "-l", selector, "-o", "json"))["items"]
    return dict(found[0]) if found else {}


def _started(place: Place) -> None:
    """Wait until the master's container runs or has run."""
    deadline, why = time.monotonic() + START_SECONDS, "no pod yet"
    while time.monotonic() < deadline:
        status = _master(place).get("status", {})
        if status.get("phase") in ("Running", "Succeeded", "Failed"):
            return
        why = _waiting(status) or why
        time.sleep(PAUSE)
    raise UserError(f"the load generator does not start: {why}")


def _waiting(status: dict[str, Any]) -> str:
    """What a pod waits for, in Kubernetes' own words."""
    reasons = [row.get("state", {}).get("waiting", {}) for row in status.get("containerStatuses") or ()]
    said = [f"{each['reason']} {each.get('message', '')}".strip() for each in reasons if each.get("reason")]
    held = [each for each in status.get("conditions") or () if each["status"] == "False" and each.get("message")]
    return "; ".join([*said, *(each["message"] for each in held)])


def _lines(place: Place, log: Path) -> Iterator[str]:
    """What the master says, to its end; what is not meant for this program goes to ``log``."""
    seen = 0
    with log.open("w") as file:
        while True:
            pod = _master(place)
            if not pod:  # taken away, with its node or by hand: nothing more will come
                return
            for number, line in enumerate(_logs(place, pod, file)):
                if number >= seen and line.endswith(
                    "\n"
                ):  # the last one may still be growing, or be the node's own complaint
                    seen = number + 1
                    if not line.startswith("{"):
                        file.write(line)
                    yield line
            # A follow ends before its pod does when the API server restarts or the node is out of watches: read on.
            if pod.get("status", {}).get("phase") != "Running":
                return
            time.sleep(PAUSE)


def _logs(place: Place, pod: dict[str, Any], complaints: IO[str]) -> Iterator[str]:
    words = place.command("logs", "--follow", str(pod["metadata"]["name"]), "-n", SPACE)
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=complaints, text=True) as process:
        yield from process.stdout or ()
