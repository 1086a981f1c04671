"""quic.py serve CERT KEY | ask SERVER NAME TIMES BYTES: HTTP/3 with aioquic.

The server answers every request with as many bytes as its path says.
"""

import asyncio
import random
import ssl
import sys

from aioquic.asyncio import QuicConnectionProtocol, connect, serve
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ProtocolNegotiated


class Http3(QuicConnectionProtocol):
    """Both sides: sends answers as server, counts ended answers as client."""

    http = None
    ended: asyncio.Queue

    def quic_event_received(self, event) -> None:
        if isinstance(event, ProtocolNegotiated):
            self.http = H3Connection(self._quic)
        for h in self.http.handle_event(event) if self.http else []:
            if isinstance(h, HeadersReceived) and not self._quic.configuration.is_client:
                self.answer(h.stream_id, int(dict(h.headers)[b":path"][1:]))
            elif isinstance(h, (DataReceived, HeadersReceived)) and h.stream_ended and hasattr(self, "ended"):
                self.ended.put_nowait(h.stream_id)

    def answer(self, stream: int, size: int) -> None:
        self.http.send_headers(stream, [(b":status", b"200"), (b"server", b"lab")])
        self.http.send_data(stream, b"q" * size, end_stream=True)
        self.transmit()


async def run_server(cert: str, key: str) -> None:
    configuration = QuicConfiguration(is_client=False, alpn_protocols=H3_ALPN)
    configuration.load_cert_chain(cert, key)
    await serve("::", 443, configuration=configuration, create_protocol=Http3)
    await asyncio.Event().wait()


async def ask(server: str, name: str, times: int, size: int) -> None:
    configuration = QuicConfiguration(alpn_protocols=H3_ALPN, server_name=name, verify_mode=ssl.CERT_NONE)
    async with connect(server, 443, configuration=configuration, create_protocol=Http3) as client:
        client.ended = asyncio.Queue()
        while client.http is None:
            await asyncio.sleep(0.01)
        for _ in range(times):
            stream = client._quic.get_next_available_stream_id()
            client.http.send_headers(stream, [(b":method", b"GET"), (b":scheme", b"https"), (b":authority", name.encode()),
                                              (b":path", b"/%d" % size)], end_stream=True)
            client.transmit()
            await asyncio.wait_for(client.ended.get(), 6)
            await asyncio.sleep(random.uniform(0, 0.4))


if sys.argv[1] == "serve":
    asyncio.run(run_server(*sys.argv[2:]))
else:
    asyncio.run(ask(sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5])))
