"""Sends and receives the traffic of a measurement; one process in each pod.

    traffic.py receive-tcp STREAMS      prints "ready", then {"bytes", "seconds"}
    traffic.py send-tcp ADDRESS STREAMS SECONDS
    traffic.py receive-udp SECONDS      prints "ready", then {"packets", "seconds"}
    traffic.py send-udp ADDRESS SECONDS

The receiver counts: bytes from the first one to the end of the last stream, and datagrams in the
SECONDS after the first one.
"""
import json
import socket
import struct
import sys
import threading
import time

PORT = 5201
DATAGRAM = 64  # bytes of UDP payload
BLOCK = 1 << 17  # bytes of each read and write of a stream
PATIENCE = 20.0  # seconds without anything arriving


def limit_waiting(receiver, seconds):
    """Reads fail with BlockingIOError after so long. Unlike settimeout, it costs no system call each."""
    receiver.settimeout(None)
    receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO,
                        struct.pack("ll", int(seconds), int(seconds % 1 * 1e6)))


def receive_tcp(streams):
    with socket.create_server(("", PORT)) as server:
        server.settimeout(PATIENCE)
        print("ready", flush=True)
        accepted = [server.accept()[0] for _ in range(streams)]
    results = [None] * streams
    threads = [threading.Thread(target=drain, args=(stream, results, index))
               for index, stream in enumerate(accepted)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if None in results:
        sys.exit("a TCP stream stopped before its end")
    total, begin, end = zip(*results)
    print(json.dumps({"bytes": sum(total), "seconds": max(end) - min(begin)}))


def drain(stream, results, index):
    """Puts (bytes, time of the first, time of the end) into results[index]."""
    limit_waiting(stream, PATIENCE)
    buffer, total, begin = bytearray(BLOCK), 0, None
    while count := stream.recv_into(buffer):
        begin = begin or time.monotonic()
        total += count
    results[index] = (total, begin or time.monotonic(), time.monotonic())


def send_tcp(address, streams, seconds):
    connected = [socket.create_connection((address, PORT), PATIENCE) for _ in range(streams)]
    deadline = time.monotonic() + seconds
    threads = [threading.Thread(target=pour, args=(stream, deadline)) for stream in connected]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def pour(stream, deadline):
    stream.settimeout(None)
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(PATIENCE * 1000))
    block = bytes(BLOCK)
    with stream:
        while time.monotonic() < deadline:
            stream.sendall(block)


def receive_udp(seconds):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        receiver.bind(("", PORT))
        limit_waiting(receiver, PATIENCE)
        print("ready", flush=True)
        buffer = bytearray(2 * DATAGRAM)
        receiver.recv_into(buffer)
        packets, begin = 1, time.monotonic()
        deadline = begin + seconds
        limit_waiting(receiver, 0.2)
        try:
            while time.monotonic() < deadline:
                for _ in range(32):
                    if receiver.recv_into(buffer) != DATAGRAM:
                        sys.exit("a datagram arrived with another size")
                    packets += 1
        except BlockingIOError:
            pass  # the sender has ended
    print(json.dumps({"packets": packets, "seconds": seconds}))


def send_udp(address, seconds):
    """As fast as it can; a full queue is a loss like any other."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.connect((address, PORT))
        payload, deadline = bytes(DATAGRAM), time.monotonic() + seconds
        while time.monotonic() < deadline:
            for _ in range(64):
                try:
                    sender.send(payload)
                except OSError:
                    pass


def main():
    does, *rest = sys.argv[1:]
    if does == "receive-tcp":
        receive_tcp(int(rest[0]))
    elif does == "send-tcp":
        send_tcp(rest[0], int(rest[1]), float(rest[2]))
    elif does == "receive-udp":
        receive_udp(float(rest[0]))
    elif does == "send-udp":
        send_udp(rest[0], float(rest[1]))


if __name__ == "__main__":
    try:
        main()
    except OSError as failure:
        sys.exit(str(failure) or "timed out")
