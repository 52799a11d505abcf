"""A child for the supervisor: keeps the contract of a service's life, and does nothing else.

    python fake_service.py BEHAVIOUR JOURNAL [service flags]

It appends `NAME start|stop PID PORTS` to the file JOURNAL, for tests to see. BEHAVIOUR is one of
`good`; `misconfigured` (exit code 2 at once); `locked` (likewise, its directory is in use);
`broken` (exit code 1 at once); `mismatched` (exit code 2 after it has served); `stubborn` (ignores
SIGTERM); `once` (dies once, right after it served for the first time).
"""

import json
import os
import signal
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from newstally_runtime import lifeline


class Ready(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"ready": true}\n')

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


def flag(name: str) -> str:
    return sys.argv[sys.argv.index(name) + 1] if name in sys.argv else ""


def main() -> int:
    behaviour, journal = sys.argv[1], Path(sys.argv[2])
    name = flag("--name")
    if behaviour == "misconfigured":
        print("--model (NEWSTALLY_EXTRACTOR_MODEL): no such model", file=sys.stderr)
        return 2
    if behaviour == "locked":
        reason = "d is in use: set --data-dir to a directory of its own"
        event = {"event": "cannot start", "level": "error", "reason": reason}
        print(json.dumps(event), file=sys.stderr)
        return 2
    if behaviour == "broken":
        print(json.dumps({"event": "cannot work", "level": "error"}), file=sys.stderr)
        return 1
    # The flags of the gateway must hold the addresses of the others, the dashboard's the gateway's.
    note = f"{flag('--persister')} {flag('--extractors')} {flag('--gateway')}".strip()
    stopped = threading.Event()
    if behaviour == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    else:
        signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    lifeline.watch(0.5)
    server = HTTPServer(("127.0.0.1", int(flag("--admin-port"))), Ready)
    port = int(flag("--port")) or 40000 + os.getpid() % 20000
    before = journal.read_text() if journal.exists() else ""
    with journal.open("a") as file:
        file.write(f"{name} start {os.getpid()} {port}/{server.server_port} {note}\n")
    serving = {"event": "serving", "port": port, "admin_port": server.server_port, "level": "info"}
    print(json.dumps(serving), file=sys.stderr, flush=True)
    if behaviour == "once" and f"{name} start" not in before:
        os.kill(os.getpid(), signal.SIGKILL)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    if behaviour == "mismatched":
        event = {"event": "stopped", "level": "error", "reason": "the journal is older"}
        print(json.dumps(event), file=sys.stderr, flush=True)
        return 2
    stopped.wait()
    with journal.open("a") as file:
        file.write(f"{name} stop {os.getpid()}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
