"""smtpd.py CERT KEY: aiosmtpd on 25 and 587 with STARTTLS; takes mail and drops it."""

import asyncio
import ssl
import sys

from aiosmtpd.handlers import Sink
from aiosmtpd.smtp import SMTP


async def main() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[1], sys.argv[2])
    loop = asyncio.get_running_loop()
    for port in (25, 587):
        await loop.create_server(lambda: SMTP(Sink(), hostname="mx.example", tls_context=context), None, port)
    await asyncio.Event().wait()


asyncio.run(main())
