#!/usr/bin/env python3
"""Traffic between two pods: started in one as `serve`, in the other as `tcp` or `udp`.

  probe.py serve PORT          answers one TCP stream or any number of datagrams
  probe.py tcp ADDRESS PORT N  sends N octets, gets their digest back, then gets N octets itself
  probe.py udp ADDRESS PORT N  sends a datagram of N octets and compares the echo
"""

import hashlib
import random
import socket
import struct
import sys
import threading

PATIENCE = 20


def octets(count):
    return random.Random(count).randbytes(count)


def read_exactly(stream, count):
    data = bytearray()
    while len(data) < count:
        piece = stream.recv(min(1 << 16, count - len(data)))
        if not piece:
            sys.exit(f"stream ended after {len(data)} of {count} octets")
        data += piece
    return bytes(data)


def echo_datagrams(port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        datagrams.bind(("", port))
        while True:
            data, source = datagrams.recvfrom(1 << 16)
            datagrams.sendto(data, source)


def serve(port):
    threading.Thread(target=echo_datagrams, args=(port,), daemon=True).start()
    with socket.create_server(("", port)) as listener:
        print("ready", flush=True)
        while True:
            stream, _ = listener.accept()
            with stream:
                stream.settimeout(PATIENCE)
                count = struct.unpack("!Q", read_exactly(stream, 8))[0]
                stream.sendall(hashlib.sha256(read_exactly(stream, count)).digest())
                stream.sendall(octets(count))


def tcp(address, port, count):
    data = octets(count)
    with socket.create_connection((address, port), timeout=PATIENCE) as stream:
        stream.sendall(struct.pack("!Q", count) + data)
        if read_exactly(stream, 32) != hashlib.sha256(data).digest():
            sys.exit("the server read other octets")
        if read_exactly(stream, count) != data:
            sys.exit("the server's octets arrived changed")
    print(f"{count} octets each way")


def udp(address, port, count):
    data = octets(count)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        datagrams.settimeout(2)
        for attempt in range(1, 4):  # the first one may pay for ARP
            datagrams.sendto(data, (address, port))
            try:
                echo = datagrams.recv(1 << 16)
            except TimeoutError:
                continue
            if echo != data:
                sys.exit("the echo differs")
            print(f"{count} octets echoed at attempt {attempt}")
            return
    sys.exit(f"no echo of {count} octets")


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(int(sys.argv[2]))
    else:
        {"tcp": tcp, "udp": udp}[sys.argv[1]](sys.argv[2], *map(int, sys.argv[3:5]))
