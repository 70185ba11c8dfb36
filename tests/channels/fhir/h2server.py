"""A server of HTTP/2 over TLS: answers each request with 201, and counts requests and connections."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import h2.config
import h2.connection
import h2.events

from tests.tls import Identity


class Http2Server:
    """What came: the bodies by stream, and how many connections."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.connections = 0
        self.port = 0

    @asynccontextmanager
    async def serving(self, identity: Identity) -> AsyncIterator[Http2Server]:
        """Listening as `identity`, as long as the block."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(identity.certificate, identity.key)
        context.set_alpn_protocols(["h2"])
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=context)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        connection.initiate_connection()
        bodies: dict[int, bytes] = {}
        with contextlib.suppress(ConnectionError):
            writer.write(connection.data_to_send())
            while data := await reader.read(65_536):
                for event in connection.receive_data(data):
                    match event:
                        case h2.events.DataReceived(stream_id=int() as stream):
                            bodies[stream] = bodies.get(stream, b"") + (event.data or b"")
                            connection.acknowledge_received_data(event.flow_controlled_length or 0, stream)
                        case h2.events.StreamEnded(stream_id=int() as stream):
                            self.bodies.append(bodies.pop(stream, b""))
                            connection.send_headers(stream, [(":status", "201")], end_stream=True)
                writer.write(connection.data_to_send())
        writer.close()
