"""The real log collector beside a real store: what it counts is what the alert looks at, and a key that is refused shows there alone."""

# ruff: noqa: F811  # fixtures are handed over by their names
from __future__ import annotations

import gzip
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from catalog import City, names
from derive.store import client_files
from infra.plan import log_collector, ports
from local import toolchain
from local.ports import free_port
from monitoring.alerts import COLLECTOR_SENT, COLLECTOR_WAITS
from tests.infra.conftest import Settings
from tests.media import ACCESS, SECRET, Store, store  # noqa: F401
from tests.waiting import until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]
FLUSH = "1s"
"""In place of the profile's: the test need not wait for an object to fill."""
Figures = Callable[[], dict[str, float]]


@contextmanager
def collecting(folder: Path, city: City, settings: Settings, secret: str, endpoint: str) -> Iterator[Figures]:
    """A collector as the plan configures it, with its folders under ``folder``; gives its counters by name."""
    for name, text in client_files(ACCESS, secret, endpoint, "us-east-1").items():
        (folder / name).write_text(text)
    port = free_port()
    (kept,) = [each.props["data"] for each in log_collector.plan(city, settings()) if each.kind == "ConfigMap"]
    written = str(kept[log_collector.CONFIGURATION])
    moved = written.replace(log_collector.LOGS, str(folder / "pods")).replace(
        log_collector.STATE, str(folder / "state")
    )
    configuration = json.loads(moved)
    (reader,) = configuration["service"]["telemetry"]["metrics"]["readers"]
    assert reader["pull"]["exporter"]["prometheus"]["port"] == ports.COLLECTOR_METRICS
    reader["pull"]["exporter"]["prometheus"] = {"host": "127.0.0.1", "port": port}
    configuration["exporters"]["object"]["sending_queue"]["batch"]["flush_timeout"] = FLUSH
    file = folder / log_collector.CONFIGURATION
    file.write_text(json.dumps(configuration))
    account = {"AWS_CONFIG_FILE": str(folder / "config"), "AWS_SHARED_CREDENTIALS_FILE": str(folder / "credentials")}
    command = [str(toolchain.tool(names.LOG_COLLECTOR)), f"--config={file}"]
    said = (folder / "said").open("w")
    with (
        said,
        subprocess.Popen(command, env={**os.environ, **account, "NODE": "n1"}, stdout=said, stderr=said) as process,
    ):
        try:
            yield lambda: _figures(port)
        finally:
            process.terminate()


def _figures(port: int) -> dict[str, float]:
    try:
        answer = requests.get(f"http://127.0.0.1:{port}/metrics", timeout=5)
    except requests.ConnectionError:
        return {}
    return {
        sample.name: sample.value for family in text_string_to_metric_families(answer.text) for sample in family.samples
    }


def prints(folder: Path, line: str) -> None:
    """A pod of the node prints a line, as the container runtime keeps it."""
    file = folder / "pods" / "gateway_envoy_1" / "envoy" / "0.log"
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as log:
        log.write(f"2026-11-24T08:00:00.000000000Z stdout F {line}\n")


@pytest.fixture
def logs(store: Store) -> Iterator[Callable[[], list[str]]]:
    """The lines of the store's bucket of logs."""
    client = store.client()
    client.create_bucket(Bucket=names.BUCKET_LOGS)

    def keys() -> list[str]:
        return [each["Key"] for each in client.list_objects_v2(Bucket=names.BUCKET_LOGS).get("Contents", [])]

    def lines() -> list[str]:
        bodies = (client.get_object(Bucket=names.BUCKET_LOGS, Key=key)["Body"].read() for key in keys())
        return [json.loads(line)["line"] for body in bodies for line in gzip.decompress(body).splitlines()]

    yield lines
    for key in keys():
        client.delete_object(Bucket=names.BUCKET_LOGS, Key=key)
    client.delete_bucket(Bucket=names.BUCKET_LOGS)


def test_what_the_store_took_is_counted_and_nothing_waits(
    tiny: City, settings: Settings, store: Store, logs: Callable[[], list[str]], tmp_path: Path
) -> None:
    prints(tmp_path, "GET /lessons/ 200")
    with collecting(tmp_path, tiny, settings, SECRET, store.endpoint) as figures:
        until(lambda: logs() == ["GET /lessons/ 200"], "the line is in the store")
        until(lambda: figures().get(COLLECTOR_SENT) == 1 and figures()[COLLECTOR_WAITS] == 0, "it is counted as sent")


def test_a_key_that_is_refused_shows_in_what_the_alert_looks_at(
    tiny: City, settings: Settings, store: Store, logs: Callable[[], list[str]], tmp_path: Path
) -> None:
    prints(tmp_path, "GET /lessons/ 200")
    with collecting(tmp_path, tiny, settings, f"not-{SECRET}", store.endpoint) as figures:
        until(lambda: figures().get(COLLECTOR_WAITS, 0) > 0, "the line waits")
        assert figures().get(COLLECTOR_SENT, 0) == 0
    assert logs() == []
    # With the right one what waited on the collector's own disk goes to the store, once.
    with collecting(tmp_path, tiny, settings, SECRET, store.endpoint) as figures:
        until(lambda: logs() == ["GET /lessons/ 200"], "the line is in the store")
        until(lambda: figures().get(COLLECTOR_SENT) == 1 and figures()[COLLECTOR_WAITS] == 0, "it is counted as sent")
