"""bacnet.py serve ADDRESS | ask OWN SERVER TIMES PAUSE: BACnet/IP with bacpypes3."""

import asyncio
import sys

from bacpypes3.argparse import SimpleArgumentParser
from bacpypes3.app import Application
from bacpypes3.local.analog import AnalogValueObject
from bacpypes3.pdu import Address
from bacpypes3.primitivedata import ObjectIdentifier


def application(address: str, instance: int) -> Application:
    args = ["--address", address, "--instance", str(instance), "--name", f"lab{instance}"]
    return Application.from_args(SimpleArgumentParser().parse_args(args))


async def serve(address: str) -> None:
    app = application(f"{address}/24", 1001)
    for i in range(5):
        app.add_object(AnalogValueObject(objectIdentifier=("analogValue", i), objectName=f"v{i}", presentValue=2.5 * i))
    await asyncio.Event().wait()


async def ask(own: str, server: str, times: int, pause: float) -> None:
    app = application(f"{own}/24:{47809 + times}", 2000 + times)
    app.who_is(address=Address(server))
    for i in range(times):
        await asyncio.sleep(pause)
        await app.read_property(Address(server), ObjectIdentifier(f"analog-value,{i % 5}"), "present-value")
    app.close()


if sys.argv[1] == "serve":
    asyncio.run(serve(sys.argv[2]))
else:
    asyncio.run(ask(sys.argv[2], sys.argv[3], int(sys.argv[4]), float(sys.argv[5])))
