#!/usr/bin/env python3
"""A client that breaks the mesh protocol: hostile.py ATTACK ADDRESS.

Strangers know no password; insiders speak in clear, introduce themselves properly as peer
02:00:00:00:99:09 and misbehave then. Prints how long the victim kept the connection.
"""

import os
import socket
import struct
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import wire  # noqa: E402
from wire import framed  # noqa: E402

HEADER = wire.header()
NAME = "02:00:00:00:99:09"
PATIENCE = 80


def features(**changes):
    return wire.encode_features(wire.features(**{"Name": NAME, **changes}))


def introduced(message, **changes):
    return [HEADER + b"\x00" + framed(features(**changes)), message]


def gossip(channel, payload):
    return framed(wire.gossip(channel, NAME, payload))


def drip(data, pause):
    pieces = []
    for octet in data:
        pieces += [bytes([octet]), pause]
    return pieces


STRANGERS = {
    "garbage": [os.urandom(4096)],
    "http": [b"GET / HTTP/1.1\r\nHost: victim\r\n\r\n"],
    "silence": [],
    "slow-drip": drip(HEADER, 2),
    "future-version": [b"weave\x09\x0a"],
    "bad-encryption-flag": [HEADER + b"\x07" + bytes(32)],
    "no-password": [HEADER + b"\x00" + framed(features())],
    "wrong-password": [HEADER + b"\x01" + os.urandom(32) + framed(os.urandom(200))],
    "weak-key": [HEADER + b"\x01" + bytes(32) + framed(os.urandom(200))],
    "oversized-frame": [HEADER + b"\x01" + os.urandom(32) + struct.pack("!I", 0xFFFFFFFF)],
}
INSIDERS = {
    "oversized-frame-inside": introduced(struct.pack("!I", 10 * 1024 * 1024 + 1)),
    "malformed-gossip": introduced(framed(b"\x04" + os.urandom(60))),
    "malformed-topology": introduced(gossip("topology", b"\x05\xff\x81\x03\x01\x01")),
    "malformed-addresses": introduced(gossip("IPallocation", b"\x7f" * 40)),
    "no-overlay": introduced(b"", Overlays="carrier-pigeon"),
    "short-id-too-large": introduced(b"", ShortID="4096"),
    "victims-name": introduced(b"", Name="02:00:00:00:99:02"),
    "endless-frame": introduced(struct.pack("!I", 1 << 20) + b"\x04" + bytes(1000)),
}


def attack(name, address):
    begin = time.monotonic()
    with socket.create_connection((address, 6783), timeout=PATIENCE) as stream:
        try:
            for step in {**STRANGERS, **INSIDERS}[name]:
                if isinstance(step, bytes):
                    stream.sendall(step)
                    time.sleep(0.05)
                else:
                    time.sleep(step)
            while stream.recv(1 << 16):
                pass
            end = "closed"
        except ConnectionError:
            end = "reset"
        except TimeoutError:
            end = "still open"
    print(f"{end} after {time.monotonic() - begin:.2f} s")


if __name__ == "__main__":
    attack(sys.argv[1], sys.argv[2])
