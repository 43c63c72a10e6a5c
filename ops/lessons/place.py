"""Where lessons are published: a stack's cluster, its packager image, its public address and its object store."""

from __future__ import annotations

import configparser
import json
import re
import subprocess
import threading
from base64 import b64decode
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any

from botocore.exceptions import BotoCoreError, ClientError

from catalog import names
from catalog.errors import UserError
from derive import store
from infra.plan import ports
from local import paths, toolchain
from services.packager.store import Bucket, client

IMAGE = "media-tools"
POD_PATIENCE = "--pod-running-timeout=10s"
"""For a pod that is just being replaced; kubectl's own minute is a minute without a word where nothing runs at all."""
FORWARDING = re.compile(r"Forwarding from 127\.0\.0\.1:(\d+)")


@dataclass(frozen=True)
class Place:
    """One stack, as its settings describe it."""

    stack: str
    settings: dict[str, Any]
    kubeconfig: str | None
    context: str | None

    @property
    def city(self) -> str:
        """The catalog to check schools and licences against."""
        return str(self.settings.get("city") or "tiny")

    @property
    def url(self) -> str:
        """What a browser types, without a trailing slash."""
        port = int(self.settings.get("publicPort") or 443)
        return f"https://{self.settings.get('domain', 'localhost')}" + ("" if port == 443 else f":{port}")  # noqa: PLR2004

    @property
    def image(self) -> str:
        """Reference of the packager's image; UserError when the stack names none."""
        return self.reference(IMAGE)

    def reference(self, name: str) -> str:
        """Reference of the image ``name``; UserError when the stack names none."""
        images = self.settings.get("images") or {}
        images = json.loads(images) if isinstance(images, str) else images
        if not images and paths.images_lock().exists():
            images = json.loads(paths.images_lock().read_text())
        if name not in images:
            raise UserError(f"stack {self.stack} names no image {name}: run `make up`, or `huiju images push REGISTRY`")
        return str(images[name])

    def command(self, *words: str) -> list[str]:
        """A kubectl command line against this stack's cluster."""
        where = [
            *(("--kubeconfig", self.kubeconfig) if self.kubeconfig else ()),
            *(("--context", self.context) if self.context else ()),
        ]
        return [str(toolchain.tool("kubectl")), *where, *words]

    def kubectl(self, *words: str, stdin: str | None = None) -> str:
        """Standard output of kubectl; UserError with its reason when it fails."""
        done = subprocess.run(
            self.command("--request-timeout=30s", *words), input=stdin, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise UserError(
                f"the cluster refused `kubectl {' '.join(words[:3])}`: {done.stderr.strip()}\nis it up? `huiju status` says"
            )
        return done.stdout

    @contextmanager
    def buckets(self) -> Iterator[tuple[Bucket, Bucket]]:
        """The buckets of uploads and of lessons, with the operator's account, for as long as the body runs."""
        with self._client(store.PUBLISHER, names.VIDEO_LIBRARY) as s3:
            yield Bucket(s3, names.BUCKET_UPLOADS), Bucket(s3, names.BUCKET_LESSONS)

    @contextmanager
    def bucket(self, account: str, service: str, name: str) -> Iterator[Bucket]:
        """One bucket, with the account whose Secret lies in the namespace of ``service``."""
        with self._client(account, service) as s3:
            yield Bucket(s3, name)

    @contextmanager
    def _client(self, name: str, service: str) -> Iterator[Any]:
        account = self._account(name, service)
        with self._endpoint(account["endpoint_url"]) as endpoint:
            s3 = client(
                endpoint_url=endpoint, region_name=account["region"],
                aws_access_key_id=account["aws_access_key_id"], aws_secret_access_key=account["aws_secret_access_key"],
            )  # fmt: skip
            try:
                yield s3
            except (BotoCoreError, ClientError) as error:
                raise UserError(
                    f"the object store did not do it: {error}\nthe same command again goes on from here"
                ) from error

    def _account(self, name: str, service: str) -> dict[str, str]:
        found = self.kubectl("get", "secret", store.secret(name), "-n", names.namespace(service), "-o", "json")
        parser = configparser.ConfigParser()
        for text in json.loads(found)["data"].values():
            parser.read_string(b64decode(text).decode())
        return dict(parser["default"])

    @contextmanager
    def _endpoint(self, endpoint: str) -> Iterator[str]:
        """The store's address from here: itself, or a port forwarded into the cluster when it lives there."""
        if ".svc" not in endpoint:
            yield endpoint
            return
        with self.forwarded(names.OBJECT_STORE, names.OBJECT_STORE, ports.STORE) as address:
            yield address

    @contextmanager
    def forwarded(self, service: str, name: str, port: int) -> Iterator[str]:
        """Address on this machine of the Service ``name`` of ``service`` while the body runs; UserError when it does not answer."""
        with self.forwarded_to(names.namespace(service), f"service/{name}", port) as address:
            yield address

    @contextmanager
    def forwarded_to(self, namespace: str, name: str, port: int) -> Iterator[str]:
        """The same of any object that kubectl forwards to, spelt ``<kind>/<name>``; to a pod it is the pod's own loopback."""
        place = ["--address=127.0.0.1", "-n", namespace, POD_PATIENCE]
        words = ["port-forward", *place, name, f":{port}"]
        process = subprocess.Popen(self.command(*words), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            address = f"http://127.0.0.1:{_forwarded(process.stdout, name)}"
            # It says a line for every connection, and would stand still once the pipe is full of what nobody reads.
            threading.Thread(target=deque, args=(process.stdout, 0), daemon=True).start()
            yield address
        finally:
            process.terminate()
            process.wait()


def _forwarded(output: IO[str] | None, name: str) -> int:
    said = []
    for line in output or ():
        found = FORWARDING.search(line)
        if found:
            return int(found[1])
        said.append(line.strip())
    raise UserError(
        f"{name} cannot be reached: {' '.join(said) or 'port-forward ended'}\nis it running? `huiju status` says"
    )


def of_stack(stack: str) -> Place:
    """The place that stack ``stack`` describes; UserError when it has not been set up."""
    from ops.stack import configuration, target

    settings = configuration.settings(stack)
    cluster = target.of_settings(settings)
    if not cluster.kubeconfig.exists():
        raise UserError(
            f"{cluster.kubeconfig}, the kubeconfig of stack {stack}, does not exist: run `make up`, or set huiju:kubeconfig"
        )
    return Place(stack, settings, str(cluster.kubeconfig), cluster.context)
