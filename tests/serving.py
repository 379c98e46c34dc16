"""A web server on this machine, for tests of what is fetched."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Site:
    """What is served, and what was asked for."""

    files: dict[str, bytes]
    headers: dict[str, str] = field(default_factory=dict)
    """Sent with redirects."""
    redirects: dict[str, str] = field(default_factory=dict)
    breaks_after: int | None = None
    """Of the first answer only so many bytes are sent."""
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    """Path and Range of each request."""
    address: str = ""


@contextmanager
def served(site: Site) -> Iterator[Site]:
    """The site, on the loopback device, while the block lasts."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            wanted = self.headers.get("Range")
            site.asked.append((self.path, wanted))
            if self.path in site.redirects:
                self.send_response(302)
                self.send_header("Location", site.redirects[self.path])
                for name, value in site.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                return
            if self.path not in site.files:
                self.send_error(404)
                return
            content = site.files[self.path]
            first = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
            if wanted and first >= len(content):
                self.send_error(416)
                return
            self.send_response(206 if wanted else 200)
            self.send_header("Content-Length", str(len(content) - first))
            self.end_headers()
            self.wfile.write(content[first:][: site.breaks_after])
            site.breaks_after = None

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
