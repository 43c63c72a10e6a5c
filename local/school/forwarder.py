"""What a trial school finds at the other end of its link: the platform's public port, and a clock.

``python -m local.school.forwarder CODE``. It listens on the host's address of the link only: TCP to the platform's loopback port, and
NTP (RFC 5905, answers only) with this machine's time, as a city's time server would give it.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import struct
import sys
import time
from typing import cast

from local.cluster import cgroups
from local.school import trial as trials
from local.school.trial import Trial

NTP_PORT = 123
NTP_EPOCH = 2_208_988_800
"""Seconds from 1900 to 1970."""
NTP_BYTES = 48


def ntp_answer(request: bytes, received: float, sent: float) -> bytes:
    """A server's answer to a client's packet (48 bytes; empty for anything else); times are Unix seconds."""
    if len(request) < NTP_BYTES or request[0] & 0x7 != 3:  # noqa: PLR2004 - mode 3: a client
        return b""
    # Version as asked, mode 4, stratum 2, poll as asked, precision 2^-20 s, no root delay, 1 ms root dispersion, a reference by name.
    head = struct.pack(">BBBbII4s", request[0] & 0x38 | 4, 2, request[2], -20, 0, 66, b"HUIJ")
    return head + _stamp(received) + request[40:48] + _stamp(received) + _stamp(sent)


def _stamp(seconds: float) -> bytes:
    whole = int(seconds)
    return struct.pack(">II", (whole + NTP_EPOCH) & 0xFFFFFFFF, int((seconds - whole) * 2**32))


class Clock(asyncio.DatagramProtocol):
    """Answers NTP clients."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """One packet."""
        received = time.time()
        if answer := ntp_answer(data, received, time.time()):
            self.transport.sendto(answer, addr)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(2**16):
            writer.write(data)
            await writer.drain()
    with contextlib.suppress(OSError):
        writer.write_eof()


async def _serve(trial: Trial, port: int) -> None:
    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            writer.close()
            return
        await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))
        for each in (writer, far_writer):
            each.close()

    server = await asyncio.start_server(forward, trial.host, port)
    loop = asyncio.get_running_loop()
    await loop.create_datagram_endpoint(Clock, local_addr=(trial.host, NTP_PORT))
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.close)
    trial.forwarded.write_text(str(port))
    with contextlib.suppress(asyncio.CancelledError):
        await server.serve_forever()


if __name__ == "__main__":
    found = trials.read(sys.argv[1])
    if found is None:
        sys.exit(f"there is no trial school {sys.argv[1]}")
    cgroups.join(found.cgroup, f"{found.code}-link")
    asyncio.run(_serve(found, int(sys.argv[2])))
