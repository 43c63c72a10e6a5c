"""Building images: what is missing or damaged is made, what is intact is left alone, and nothing half-made is ever seen."""

from __future__ import annotations

import json
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from local import paths
from local.images import archive, context, debian, environment, lock, sbom, storage
from local.images.definition import DEBIAN, Images, load
from local.images.engine import Engine, Order, choose
from local.images.key import key
from local.images.report import to_stderr
from local.toolchain import pins, store
from local.toolchain.report import Say

WORKERS = 2
"""Images built side by side: package installation waits for the network about half of its time (measured on 2 cores)."""


@dataclass(frozen=True)
class Built:
    """An image in the cache."""

    name: str
    key: str
    reference: str
    seconds: float
    layers: list[str]
    """Digests of its layers, lowest first."""

    @property
    def folder(self) -> Path:
        """Its entry in the cache."""
        return storage.entry(self.name, self.key)

    @property
    def archive(self) -> Path:
        """The OCI archive."""
        return self.folder / f"{self.name}-{self.key}.tar"

    @property
    def sbom(self) -> Path:
        """What is inside, CycloneDX."""
        return self.folder / "sbom.cdx.json"


def build(names: Iterable[str] | None = None, say: Say = to_stderr) -> dict[str, Built]:
    """Make the images ``names`` (default: all that run in a cluster) and write their references to the clone's lock."""
    images = load()
    wanted = list(names) if names is not None else list(images.public())
    # What waits for no compiler goes first: packages are installed while the tools are still being built.
    order = sorted(dict.fromkeys(wanted), key=lambda name: bool(images.get(name).programs))
    with storage.session() as folder, ThreadPoolExecutor(WORKERS) as pool:
        run = _Run(images, folder, say)
        built = dict(zip(order, pool.map(run.ensure, order), strict=True))
    lock.record({name: image.reference for name, image in built.items() if not images.get(name).internal})
    storage.prune(images.images)
    return {name: built[name] for name in wanted}


class _Run:
    """One call of :func:`build`: an engine with storage of its own, and what it already holds."""

    def __init__(self, images: Images, folder: Path, say: Say) -> None:
        self.images, self.folder, self.say = images, folder, say
        self._engine: Engine | None = None
        self._held: set[str] = set()
        self._guard = threading.RLock()
        self._making: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    @property
    def engine(self) -> Engine:
        """Chosen at the first build, so that a run that finds everything built needs none."""
        with self._guard:
            self._engine = self._engine or choose(self.folder)
            return self._engine

    def ensure(self, name: str) -> Built:
        """The image from the cache, made first if need be."""
        image_key = key(name)
        with self._making[name]:  # between threads; between processes the entry's own lock does it
            folder = store.ensure(
                storage.entry(name, image_key), lambda into: self._fill(name, image_key, into), self.say
            )
        return Built(name, image_key, **json.loads((folder / "record.json").read_text(encoding="utf-8")))

    def _fill(self, name: str, image_key: str, into: Path) -> None:
        storage.check_disk()
        base = self._base(name)
        begun = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="huiju-image-") as scratch:
            gathered = context.gather(name, Path(scratch, name), self.say)
            self.say(f"{name}: building")
            order = self._order(name, image_key, gathered, base)
            self.engine.build(order)
            with self._guard:
                self._held.add(order.reference)
            layout = Path(scratch, "layout")
            self.engine.save(order.reference, layout)
            reference = archive.write(
                layout, f"{self.images.namespace}/{name}", image_key, into / f"{name}-{image_key}.tar"
            )
            self._write_sbom(name, reference, gathered, layout, into)
            layers = _digests(archive.layers(layout))
        seconds = round(time.monotonic() - begun, 1)
        record = {"reference": reference, "seconds": seconds, "layers": layers}
        (into / "record.json").write_text(json.dumps(record), encoding="utf-8")
        self.say(f"{name}: built in {seconds} s")

    def _base(self, name: str) -> str | None:
        """Reference of the base, which the engine holds when this returns."""
        base = self.images.get(name).base
        if base is None:
            return None
        if base == DEBIAN:
            return self._debian()
        parent = self.ensure(base)
        reference = f"{self.images.namespace}/{base}:{parent.key}"
        with self._guard:
            if reference not in self._held:
                self.engine.take_archive(parent.archive, parent.key, reference)
                self._held.add(reference)
        return reference

    def _debian(self) -> str:
        if not debian.bootstrapped():
            return debian.upstream(self.images)
        reference = f"{self.images.namespace}/debian:{self.images.suite}"
        rootfs = debian.rootfs(self.images, self.say)
        with self._guard:
            if reference not in self._held:
                self.engine.take_rootfs(rootfs, reference)
                self._held.add(reference)
        return reference

    def _order(self, name: str, image_key: str, gathered: Path, base: str | None) -> Order:
        argument = "UPSTREAM" if self.images.get(name).base == DEBIAN else "BASE"
        # Engines know the proxies' names and keep them out of the image's history; anything else is a secret.
        arguments = environment.proxies() | ({argument: base} if base else {})
        secrets = {}
        for secret, content in environment.build_secrets().items():
            secrets[secret] = gathered.with_name(secret)
            secrets[secret].write_text(content, encoding="utf-8")
        reference = f"{self.images.namespace}/{name}:{image_key}"
        return Order(gathered, reference, arguments, self._labels(name, image_key), secrets)

    def _labels(self, name: str, image_key: str) -> dict[str, str]:
        image = self.images.get(name)
        versions = [pins.load().bundles[pins.load().bundle_of(program)].version for program in image.programs]
        titles = {
            "title": name,
            "description": image.title,
            "version": versions[0] if versions else self.images.suite,
            "revision": image_key,
        }
        return {f"org.opencontainers.image.{label}": value for label, value in titles.items()}

    def _write_sbom(self, name: str, reference: str, gathered: Path, layout: Path, into: Path) -> None:
        image, layers, known = self.images.get(name), archive.layers(layout), list[sbom.Component]()
        parent = self.ensure(image.base) if image.base and image.base != DEBIAN else None
        if parent and parent.layers == _digests(layers)[: len(parent.layers)]:
            # What the base brought was read when the base was built.
            known, layers = sbom.read(parent.sbom), layers[len(parent.layers) :]
        components = sbom.of_layers(layers, known) + list(sbom.of_context(gathered))
        if image.site:
            components += sbom.of_npm(paths.ROOT / image.site.source / "package-lock.json")
        document = sbom.document(name, reference, components)
        (into / "sbom.cdx.json").write_text(json.dumps(document, indent=1), encoding="utf-8")


def _digests(layers: Iterable[Path]) -> list[str]:
    return [layer.name for layer in layers]
