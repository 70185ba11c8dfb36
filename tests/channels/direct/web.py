"""A web server of a test's own on loopback: what stands under which path, and who asked for it."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.tls import Identity

Page = bytes | Callable[[bytes], bytes] | tuple[int, dict[str, str], bytes]


class Web:
    """`pages` by path: a body, what makes one of the body that was posted, or status, headers and body."""

    def __init__(self) -> None:
        self.pages: dict[str, Page] = {}
        self.asked: list[tuple[str, str]] = []
        """Each request so far: its path and its Host header."""
        web = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                web.asked.append((self.path, self.headers.get("host", "")))
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                page = web.pages.get(self.path, (404, {}, b""))
                status, headers, content = page if isinstance(page, tuple) else (200, {}, page)
                made = content(body) if callable(content) else content
                self.send_response(status)
                for name, value in {"content-length": str(len(made)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(made)

            do_POST = do_GET  # noqa: N815 - the name is the library's

            def log_message(self, *_args: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    def encrypt(self, identity: Identity) -> None:
        """Speak TLS from now on, as `identity`."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(identity.certificate, identity.key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)

    @property
    def port(self) -> int:
        return int(self.server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def serving() -> Iterator[Web]:
    """A `Web` for the time of a with block."""
    web = Web()
    thread = threading.Thread(target=web.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield web
    finally:
        web.server.shutdown()
        web.server.server_close()
        thread.join()
