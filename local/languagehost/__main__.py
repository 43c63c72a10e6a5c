"""Start the language host: ``python -m local.languagehost ENGINE_ADDRESS``. Its first line of output is the port it listens on."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc  # type: ignore[import-untyped]

from local.languagehost.service import LanguageHost
from local.languagehost.stubs import language_pb2_grpc

MESSAGE_BYTES = 400 * 1024 * 1024
"""Largest gRPC message: the engine's own limit (pulumi sdk/go/common/util/rpcutil)."""

RUNNER = "pulumi-language-python-exec"


def main(arguments: list[str]) -> int:
    """Serve until the engine says stop, interrupts this process or is gone."""
    parent = os.getppid()
    engine = next((argument for argument in reversed(arguments) if not argument.startswith("-")), "")
    runner = os.environ.get("HUIJU_LANGUAGE_RUNNER") or shutil.which(RUNNER)
    if not runner:
        print(f"{RUNNER} is not on PATH; run: huiju toolchain ensure pulumi", file=sys.stderr)
        return 1
    host = LanguageHost(engine, Path(runner))
    options = [("grpc.max_receive_message_length", MESSAGE_BYTES), ("grpc.max_send_message_length", MESSAGE_BYTES)]
    server = grpc.server(ThreadPoolExecutor(max_workers=64), options=options)
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: over.set())
    print(port, flush=True)
    # An engine that was killed cannot say stop; its child is then adopted by another process.
    while not over.wait(1) and os.getppid() == parent:
        pass
    host.end_children()
    server.stop(grace=0.5).wait()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
