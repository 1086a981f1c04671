"""iec104.py serve ADDRESS | ask OWN SERVER TIMES PAUSE: IEC 60870-5-104 with c104."""

import sys
import time

import c104


def serve(address: str) -> None:
    server = c104.Server(ip=address, port=2404)
    station = server.add_station(common_address=1)
    for i in range(12):
        point = station.add_point(io_address=100 + i, type=c104.Type.M_ME_NC_1, report_ms=700 + 300 * i)
        point.value = 1.5 * i
    server.start()
    while True:
        time.sleep(60)


def ask(server: str, times: int, pause: float) -> None:
    client = c104.Client()
    connection = client.add_connection(ip=server, port=2404, init=c104.Init.ALL)
    client.start()
    for _ in range(30):
        if connection.is_connected:
            break
        time.sleep(0.1)
    for _ in range(times):
        connection.interrogation(common_address=1, wait_for_response=False)  # waiting may hang
        time.sleep(pause)
    client.stop()


if sys.argv[1] == "serve":
    serve(sys.argv[2])
else:
    ask(sys.argv[3], int(sys.argv[4]), float(sys.argv[5]))
