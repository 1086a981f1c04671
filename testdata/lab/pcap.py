"""Classic pcap files with microseconds, Ethernet: reading and writing."""

import struct
from typing import BinaryIO, Iterator, NamedTuple

MAGIC = 0xA1B2C3D4
ETHERNET = 1
HEADER = struct.Struct("<IHHiIII")
RECORD = struct.Struct("<IIII")


class Frame(NamedTuple):
    """One captured frame: time in microseconds, its first bytes, its true length."""

    us: int
    data: bytes
    length: int


class Writer:
    """Writes frames, each cut to snaplen bytes, to an open binary file."""

    def __init__(self, out: BinaryIO, snaplen: int):
        self.out, self.snaplen = out, snaplen
        out.write(HEADER.pack(MAGIC, 2, 4, 0, 0, snaplen, ETHERNET))

    def write(self, frame: Frame) -> None:
        data = frame.data[: self.snaplen]
        seconds, us = divmod(frame.us, 1_000_000)
        self.out.write(RECORD.pack(seconds, us, len(data), frame.length))
        self.out.write(data)


def read(source: BinaryIO) -> Iterator[Frame]:
    """Yields the frames of a file that Writer wrote; a cut last record ends it."""
    if HEADER.unpack(source.read(HEADER.size))[0] != MAGIC:
        raise ValueError("not a little-endian pcap with microseconds")
    while len(head := source.read(RECORD.size)) == RECORD.size:
        seconds, us, kept, length = RECORD.unpack(head)
        data = source.read(kept)
        if len(data) < kept:
            return
        yield Frame(seconds * 1_000_000 + us, data, length)
