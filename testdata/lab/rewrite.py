"""Reads and changes the few header bytes that a path touches."""

import ipaddress
import struct

IPV4, IPV6 = b"\x08\x00", b"\x86\xdd"
ETHERNET_BYTES = 14


def address(text: str) -> bytes:
    """An IP address as it stands in a header."""
    return ipaddress.ip_address(text).packed


def destination(frame: bytes) -> bytes:
    """The frame's destination IP address; empty when it is not IP."""
    if frame[12:14] == IPV4:
        return frame[30:34]
    return frame[38:54] if frame[12:14] == IPV6 else b""


def age(frame: bytes, hops: int) -> bytes:
    """The frame after so many routers: a smaller TTL and the checksum that fits it."""
    if not hops or frame[0] & 1:
        return frame
    if frame[12:14] == IPV6:
        left = max(1, frame[21] - hops)
        # Neighbour discovery is void unless the hop limit is still 255.
        return frame if frame[21] == 255 else frame[:21] + bytes([left]) + frame[22:]
    if frame[12:14] != IPV4:
        return frame
    end = ETHERNET_BYTES + (frame[14] & 15) * 4
    header = bytearray(frame[ETHERNET_BYTES:end])
    header[8] = max(1, header[8] - hops)
    header[10:12] = b"\0\0"
    header[10:12] = struct.pack("!H", checksum(bytes(header)))
    return frame[:ETHERNET_BYTES] + bytes(header) + frame[end:]


def checksum(header: bytes) -> int:
    """The Internet checksum (RFC 1071) of a header of even length."""
    total = sum(struct.unpack(f"!{len(header) // 2}H", header))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
