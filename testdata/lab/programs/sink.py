"""sink.py PORT: a UDP server that takes everything and answers nothing."""

import socket
import sys

with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    s.bind(("", int(sys.argv[1])))
    while True:
        s.recv(65535)
