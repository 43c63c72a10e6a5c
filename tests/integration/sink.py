"""A receiver of alerts for the tests: a webhook and a mail server in one pod, which print what arrives, one JSON line each.

Runs inside the cluster (``python3 -c``), with the standard library alone.
"""

from __future__ import annotations

import email
import email.policy
import json
import socketserver
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HOOK, MAIL = 8080, 2525


class Hook(BaseHTTPRequestHandler):
    """Takes whatever is posted."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        print(json.dumps({"by": "webhook", "body": body}), flush=True)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing else."""


class Mail(socketserver.StreamRequestHandler):
    """As much of SMTP (RFC 5321) as a sender needs."""

    def say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())

    def handle(self) -> None:
        self.say("220 sink")
        while line := self.rfile.readline().decode().strip():
            verb = line[:4].upper()
            if verb == "QUIT":
                self.say("221 bye")
                return
            if verb == "DATA":
                self.say("354 go on")
                self._data()
            self.say("250 ok")

    def _data(self) -> None:
        lines = []
        while (line := self.rfile.readline().decode().rstrip("\r\n")) != ".":
            lines.append(line)
        print(json.dumps({"by": "mail", "body": read("\n".join(lines))}), flush=True)


def read(text: str) -> str:
    """A mail as its reader sees it: subject and text, whatever they were wrapped and coded in on the way."""
    mail = email.message_from_string(text, policy=email.policy.default)
    parts = (part.get_content() for part in mail.walk() if part.get_content_maintype() == "text")
    return "\n".join([str(mail["subject"]), *parts])


def main() -> None:
    """Serve both until ended."""
    socketserver.ThreadingTCPServer.allow_reuse_address = True
    mail = socketserver.ThreadingTCPServer(("", MAIL), Mail)
    threading.Thread(target=mail.serve_forever, daemon=True).start()
    ThreadingHTTPServer(("", HOOK), Hook).serve_forever()


if __name__ == "__main__":
    main()
