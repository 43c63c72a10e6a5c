"""The language host's gRPC service. Method names are those of the protocol."""

# ruff: noqa: N802

from __future__ import annotations

import os
import platform
import subprocess
import threading
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Protocol

from google.protobuf.empty_pb2 import Empty

from local.languagehost import program, stream
from local.languagehost.interpreter import dependencies, interpreter, plugins, virtualenv
from local.languagehost.stubs import language_pb2 as pb
from local.languagehost.stubs import language_pb2_grpc, plugin_pb2


class Call(Protocol):
    """What is needed of gRPC's context: to hear that the engine hung up."""

    def add_callback(self, callback: Callable[[], None]) -> bool:
        """Call ``callback`` when the call ends, however it ends."""


class LanguageHost(language_pb2_grpc.LanguageRuntimeServicer):
    """Answers the engine. ``engine`` is its address, ``runner`` the SDK's ``pulumi-language-python-exec``."""

    def __init__(self, engine: str, runner: Path) -> None:
        self.engine, self.runner = engine, runner
        self.children: set[subprocess.Popen[bytes]] = set()
        self.lock = threading.Lock()

    def Handshake(self, request: pb.LanguageHandshakeRequest, context: Call) -> pb.LanguageHandshakeResponse:
        """Learn the engine's address."""
        self.engine = request.engine_address or self.engine
        return pb.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: Empty, context: Call) -> plugin_pb2.PluginInfo:
        """This host speaks for the SDK version it is installed with."""
        return plugin_pb2.PluginInfo(version=metadata.version("pulumi"))

    def GetRequiredPackages(
        self, request: pb.GetRequiredPackagesRequest, context: Call
    ) -> pb.GetRequiredPackagesResponse:
        """Providers of the SDKs that are installed for the program."""
        rows = plugins(interpreter(request.info).packages)
        return pb.GetRequiredPackagesResponse(
            packages=[
                plugin_pb2.PackageDependency(
                    name=row["name"],
                    kind="resource",
                    version=f"v{row['version'].lstrip('v')}",
                    server=row.get("server", ""),
                )
                for row in rows
            ]
        )

    def GetProgramDependencies(
        self, request: pb.GetProgramDependenciesRequest, context: Call
    ) -> pb.GetProgramDependenciesResponse:
        """Installed packages, for ``pulumi about``."""
        rows = dependencies(interpreter(request.info).packages, request.transitiveDependencies)
        return pb.GetProgramDependenciesResponse(
            dependencies=[pb.DependencyInfo(name=name, version=version) for name, version in rows]
        )

    def About(self, request: pb.AboutRequest, context: Call) -> pb.AboutResponse:
        """The Python that runs programs."""
        return pb.AboutResponse(executable=str(interpreter(request.info).program), version=platform.python_version())

    def RuntimeOptionsPrompts(self, request: pb.RuntimeOptionsRequest, context: Call) -> pb.RuntimeOptionsResponse:
        """Nothing to ask at ``pulumi new``."""
        return pb.RuntimeOptionsResponse()

    def Template(self, request: pb.TemplateRequest, context: Call) -> pb.TemplateResponse:
        """Nothing to prepare at ``pulumi new``."""
        return pb.TemplateResponse()

    def Run(self, request: pb.RunRequest, context: Call) -> pb.RunResponse:
        """Run a program to its end; what it prints goes through this host's own streams, which the engine shows."""
        python = interpreter(request.info).program
        command = program.command(python, self.runner, request, self.engine)
        child = subprocess.Popen(
            command,
            env=program.environment(request, python),
            cwd=request.info.program_directory,
            stdin=subprocess.DEVNULL,
        )
        with self._held(child, context):
            return program.outcome(child.wait())

    def RunPlugin(self, request: pb.RunPluginRequest, context: Call) -> Iterator[pb.RunPluginResponse]:
        """Run a policy pack or another plugin written in Python, passing its streams on; ends it when the engine hangs up."""
        info = request.info
        entry = os.path.normpath(Path(info.program_directory, info.entry_point or "."))
        environment = {**os.environ, **dict(pair.split("=", 1) for pair in request.env if "=" in pair)}
        command = [str(interpreter(info).program), "-u", entry, *request.args]
        child = stream.start(command, request.pwd or info.program_directory, environment)
        with self._held(child, context):
            for name, data in stream.chunks(child):
                yield pb.RunPluginResponse(stdout=data) if name == "stdout" else pb.RunPluginResponse(stderr=data)
            yield pb.RunPluginResponse(exitcode=child.wait())

    def InstallDependencies(
        self, request: pb.InstallDependenciesRequest, context: Call
    ) -> Iterator[pb.InstallDependenciesResponse]:
        """``pulumi install``: the project's virtual environment and its ``requirements.txt``, where it has them."""
        for command in _installation(request.info, request.directory):
            child = stream.start(command, request.directory or request.info.program_directory, os.environ)
            with self._held(child, context):
                for name, data in stream.chunks(child):
                    answer = pb.InstallDependenciesResponse
                    yield answer(stdout=data) if name == "stdout" else answer(stderr=data)
                if child.wait():
                    raise RuntimeError(f"{' '.join(command)} ended with {child.returncode}")

    def Cancel(self, request: Empty, context: Call) -> Empty:
        """End whatever runs."""
        self.end_children()
        return Empty()

    def end_children(self) -> None:
        """Kill every program and plugin that still runs."""
        with self.lock:
            for child in self.children:
                child.kill()

    def _held(self, child: subprocess.Popen[bytes], context: Call) -> _Held:
        context.add_callback(child.kill)  # does nothing to a child that has ended
        return _Held(self, child)


class _Held:
    """Registers a child for as long as it is waited for, and lets none outlive the call."""

    def __init__(self, host: LanguageHost, child: subprocess.Popen[bytes]) -> None:
        self.host, self.child = host, child

    def __enter__(self) -> None:
        with self.host.lock:
            self.host.children.add(self.child)

    def __exit__(self, *error: object) -> None:
        if self.child.poll() is None:
            self.child.kill()
        self.child.wait()
        with self.host.lock:
            self.host.children.discard(self.child)


def _installation(info: pb.ProgramInfo, directory: str) -> Iterator[list[str]]:
    """The commands that install what a project asks for; evaluated one by one, so that the second sees the first's result."""
    folder = virtualenv(info)
    if folder and not (folder / "bin" / "python").exists():
        yield [str(interpreter(info).program), "-m", "venv", str(folder)]
    for place in dict.fromkeys([directory or info.program_directory, info.root_directory]):
        requirements = Path(place, "requirements.txt")
        if place and requirements.exists():
            yield [str(interpreter(info).program), "-m", "pip", "install", "-r", str(requirements)]
            return
