"""vnc.py HOST PORT COUNT: an RFB 3.8 client that asks for the screen COUNT times.

Encodings: raw, so the server sends what it has; keys are typed in between.
"""

import socket
import struct
import sys
import time


def take(s: socket.socket, n: int) -> bytes:
    data = b""
    while len(data) < n:
        piece = s.recv(n - len(data))
        if not piece:
            raise EOFError("the server closed the connection")
        data += piece
    return data


def update(s: socket.socket, depth: int) -> None:
    """Reads one framebuffer update of raw rectangles."""
    kind = take(s, 1)[0]
    if kind == 3:  # the server's clipboard
        take(s, struct.unpack("!3xI", take(s, 7))[0])
        return update(s, depth)
    for _ in range(struct.unpack("!xH", take(s, 3))[0]):
        _, _, width, height, encoding = struct.unpack("!HHHHi", take(s, 12))
        take(s, width * height * depth)


def main() -> None:
    with socket.create_connection((sys.argv[1], int(sys.argv[2])), 5) as s:
        s.sendall(take(s, 12))
        take(s, take(s, 1)[0])
        s.sendall(b"\x01")  # no authentication
        take(s, 4)
        s.sendall(b"\x01")  # share the desktop
        width, height, bits = struct.unpack("!HHB", take(s, 5))
        take(s, struct.unpack("!15xI", take(s, 19))[0])
        s.sendall(struct.pack("!BxHi", 2, 1, 0))
        for i in range(int(sys.argv[3])):
            w, h = min(width, 40 * (i + 1)), min(height, 20 * (i + 1))
            s.sendall(struct.pack("!BBHHHH", 3, 0, 0, 0, w, h))
            update(s, bits // 8)
            s.sendall(struct.pack("!BB2xI", 4, i % 2, 0x61 + i))
            time.sleep(0.2)


main()
