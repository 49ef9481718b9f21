"""One page over HTTP, on the loopback interface."""

import http.server
import re
import threading
import webbrowser
from collections.abc import Callable
from typing import Any

HOST = "127.0.0.1"
NAMES = ("127.0.0.1", "localhost")


def policy_of(page: str) -> str:
    """The Content-Security-Policy that a page says of itself; as a header it also keeps others from framing it."""
    found = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    if found is None:
        raise ValueError("the page has no Content-Security-Policy")
    return f"{found[1].rstrip('; ')}; frame-ancestors 'none'"


def server(page: str, port: int) -> http.server.ThreadingHTTPServer:
    body, policy = page.encode(), policy_of(page)

    class Handler(http.server.BaseHTTPRequestHandler):
        server_version = "keyviz"
        sys_version = ""

        def do_GET(self) -> None:
            self._answer(body)

        def do_HEAD(self) -> None:
            self._answer(b"")

        def _answer(self, content: bytes) -> None:
            # Another site's name that leads to this machine is not to read the page.
            if self.headers.get("Host", "").rsplit(":", 1)[0] not in NAMES:
                self.send_error(421)
                return
            if self.path.partition("?")[0] != "/":
                self.send_error(404)
                return
            self.send_response(200)
            for name, value in (
                ("Content-Type", "text/html; charset=utf-8"),
                ("Content-Length", str(len(body))),
                ("Content-Security-Policy", policy),
                ("X-Content-Type-Options", "nosniff"),
                ("Referrer-Policy", "no-referrer"),
                ("Cache-Control", "no-store"),
            ):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return http.server.ThreadingHTTPServer((HOST, port), Handler)


def serve(page: str, port: int, browser: bool, told: Callable[[str], object]) -> None:
    """Until KeyboardInterrupt. told: gets the address, once it answers."""
    with server(page, port) as listening:
        address = f"http://{HOST}:{listening.server_address[1]}/"
        told(address)
        if browser:
            # A browser that runs in the terminal would keep this from answering it.
            threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
        listening.serve_forever(poll_interval=0.1)
