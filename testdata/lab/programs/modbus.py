"""modbus.py serve ADDRESS | ask OWN SERVER TIMES PAUSE: Modbus/TCP with pymodbus."""

import asyncio
import random
import sys
import time

from pymodbus.client import ModbusTcpClient
from pymodbus.datastore import ModbusDeviceContext, ModbusSequentialDataBlock, ModbusServerContext
from pymodbus.server import StartAsyncTcpServer


def ask(server: str, times: int, pause: float) -> None:
    client = ModbusTcpClient(server, port=502, timeout=3)
    client.connect()
    for _ in range(times):
        random.choice([
            lambda: client.read_holding_registers(0, count=random.randint(1, 80)),
            lambda: client.read_coils(0, count=random.randint(1, 90)),
            lambda: client.read_input_registers(3, count=4),
            lambda: client.write_register(7, random.randrange(900)),
        ])()
        time.sleep(pause)
    client.close()


def serve(address: str) -> None:
    block = ModbusSequentialDataBlock(1, list(range(200)))
    device = ModbusDeviceContext(di=block, co=block, hr=block, ir=block)
    asyncio.run(StartAsyncTcpServer(ModbusServerContext(devices=device, single=True), address=(address, 502)))


if sys.argv[1] == "serve":
    serve(sys.argv[2])
else:
    ask(sys.argv[3], int(sys.argv[4]), float(sys.argv[5]))
