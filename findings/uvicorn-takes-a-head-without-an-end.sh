#!/usr/bin/env bash
# uvicorn on httptools keeps a header of any length, from anybody, and waits for its end for ever.
#
# One would expect: a server that answers the internet has a limit on the size of a request's head, and on the
#   time that it takes to come, as nginx, Apache, Node (16 KiB) and uvicorn's own other parser (h11, 64 KiB)
#   have.
# What happens: with httptools, which uvicorn chooses where it is installed (uvicorn[standard]), a connection
#   that sends "x: yyyy..." is kept with all of it in memory, before the application sees anything. The option
#   h11_max_incomplete_event_size is for h11 alone. timeout_keep_alive begins after the first answer, and ends
#   with the first byte of the next request, so a client that sends a byte now and then is never cut off.
# Version: uvicorn 0.54.0, httptools 0.9.0.
# Source: uvicorn/protocols/http/httptools_impl.py; Kludex/uvicorn pull request 1192 on the time, closed.
# Whom it bites: services with uvicorn and no proxy before them: one client can use up their memory without a
#   token.
# Here: client/gateway/connection.py bounds both: 16 KiB, and 10 s for a request.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check 'uvicorn==0.54.0' 'httptools==0.9.0'
"$folder/venv/bin/python" - <<'PY'
import socket
import subprocess
import sys
import time
from pathlib import Path

MEGABYTES = 64
APP = """
async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"asked"})
import uvicorn, socket
uvicorn.run(app, port=PORT, http=HTTP, lifespan="off", log_level="critical")
"""


def run(http):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = subprocess.Popen([sys.executable, "-c", APP.replace("PORT", str(port)).replace("HTTP", repr(http))])

    def memory_mib():
        return int(Path(f"/proc/{server.pid}/statm").read_text().split()[1]) * 4 // 1024

    try:
        for _ in range(200):
            try:
                client = socket.create_connection(("127.0.0.1", port), timeout=10)
                break
            except OSError:
                time.sleep(0.05)
        before, sent = memory_mib(), 0
        client.sendall(b"GET / HTTP/1.1\r\nhost: localhost\r\nx: ")
        try:
            for _ in range(MEGABYTES):
                client.sendall(b"y" * (1 << 20))
                sent += 1
            client.settimeout(1)
            answer = client.recv(100)
        except TimeoutError:
            answer = b"nothing: it waits"
        except OSError:
            answer = b"it has hung up"
        return sent, memory_mib() - before, answer.split(b"\r\n")[0].decode()
    finally:
        server.kill()
        server.wait()


for http in ("httptools", "h11"):
    sent, grown, answer = run(http)
    print(f"{http}: took {sent} MiB of one header, grew by {grown} MiB, answers {answer}")
    if http == "httptools":
        assert (sent, answer) == (MEGABYTES, "nothing: it waits")
        assert grown >= MEGABYTES
    else:
        assert grown < 16
PY
