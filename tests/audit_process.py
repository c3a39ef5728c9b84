"""The audit service as a process, at a socket of its own, for whichever tests need it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from urbanlab.contract import environment
from urbanlab.contract.audit_sender import AuditAwayError, AuditSender, ask_audit
from urbanlab.contract.records import Tenant, write_tenant
from urbanlab_services.audit.places import LOG

from .kafka_broker import wait_until

SOURCES = ("hub", "operator", "publisher", "warehouse", "tokens")


class AuditProcess:
    """The service, its folder and its socket."""

    def __init__(
        self, folder: Path, senders: str = "", *, socket: Path | None = None, state: Path | None = None
    ) -> None:
        self.folder, self.records = folder, folder / "records"
        self.state, self.socket = state or folder / "audit", socket or folder / "audit.sock"
        self.output = folder / "audit.log"
        self.senders = senders or " ".join(f"{source}={os.geteuid()}" for source in SOURCES)
        for path in (self.state, self.records):
            path.mkdir(exist_ok=True)

    @property
    def log(self) -> Path:
        return self.state / LOG

    def start(self) -> None:
        environ = {
            "PATH": os.environ["PATH"],
            environment.SERVICE_STATE: str(self.state),
            environment.AUDIT_SOCKET: str(self.socket),
            environment.AUDIT_SENDERS: self.senders,
            environment.RECORDS: str(self.records),
        }
        command = (sys.executable, "-m", "urbanlab_services.audit")
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(command, env=environ, stdout=output, stderr=output)
        wait_until(self.is_ready, 60, "the audit service")

    def is_ready(self) -> bool:
        assert self.process.poll() is None, self.output.read_text()[-3000:]
        try:
            return bool(ask_audit(self.socket, "GET", "/readyz"))
        except AuditAwayError:
            return False

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(10)

    def make_sender(self, source: str = "hub", name: str = "") -> AuditSender:
        return AuditSender(self.socket, self.folder / (name or f"sender-{source}"), source)

    def ask(self, query: str = "source=hub&limit=1000") -> list[dict[str, Any]]:
        events: list[dict[str, Any]] = ask_audit(self.socket, "GET", f"/events?{query}", timeout=10)["events"]
        return events

    def send(self, source: str, *entries: Any) -> Any:
        return ask_audit(self.socket, "POST", "/events", {"source": source, "entries": list(entries)})

    def verify(self) -> tuple[int, str]:
        command = (sys.executable, "-m", "urbanlab_services.audit.verify", str(self.state))
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        return done.returncode, done.stdout + done.stderr

    def read_text(self) -> str:
        """Return all that lies in its files."""
        return "".join(path.read_text() for path in sorted(self.log.glob("*.jsonl")))

    def add_tenant(self, tenant: Tenant) -> None:
        write_tenant(self.records, tenant)

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.read_text().splitlines()]
