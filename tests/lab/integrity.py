"""Sends between two pods and compares what arrives, octet for octet.

    integrity.py NETNS NETNS
"""
import os
import random
import socket
import struct
import sys
import threading

from netns import socket_in

UDP_SEGMENT = 103
SOL_PACKET, PACKET_AUXDATA = 263, 8
TP_STATUS_VLAN_VALID = 1 << 4
RANDOM = random.Random(7)


def check_tcp(pods, family, addresses, size):
    """`size` octets in pieces of random length."""
    listener = socket_in(pods[1], family, socket.SOCK_STREAM, addresses[1])
    listener.listen(1)
    client = socket_in(pods[0], family, socket.SOCK_STREAM)
    client.connect(listener.getsockname())
    server, _ = listener.accept()
    server.settimeout(10)
    sent = RANDOM.randbytes(size)

    def send():
        at = 0
        while at < size:
            piece = RANDOM.choice((1, 7, 1324, 1325, 65536, 300000))
            client.sendall(sent[at:at + piece])
            at += piece
        client.shutdown(socket.SHUT_WR)

    sender = threading.Thread(target=send)
    sender.start()
    received = bytearray()
    while piece := server.recv(1 << 20):
        received += piece
    sender.join()
    for each in (listener, client, server):
        each.close()
    return bytes(received) == sent


def check_udp(pods, family, addresses, sizes):
    """One datagram of each size; large ones are fragmented by the pod. A lost one is sent again."""
    receiver = socket_in(pods[1], family, socket.SOCK_DGRAM, addresses[1])
    receiver.settimeout(1)
    sender = socket_in(pods[0], family, socket.SOCK_DGRAM)
    good = True
    for size in sizes:
        payload = RANDOM.randbytes(size)
        for _ in range(5):
            sender.sendto(payload, receiver.getsockname())
            try:
                good = good and receiver.recv(65536) == payload
                break
            except TimeoutError:
                continue
        else:
            good = False
    receiver.close()
    sender.close()
    return good


def check_udp_train(pods, family, addresses, size):
    """A GSO batch that the pod's kernel hands over as one packet; a batch with a loss is sent again."""
    receiver = socket_in(pods[1], family, socket.SOCK_DGRAM, addresses[1])
    receiver.settimeout(1)
    sender = socket_in(pods[0], family, socket.SOCK_DGRAM)
    sender.setsockopt(socket.SOL_UDP, UDP_SEGMENT, size)
    good = False
    for attempt in range(5):
        batch = [bytes((attempt, i)) + RANDOM.randbytes(size - 2) for i in range(20)]
        batch.append(bytes((attempt, 20)) + RANDOM.randbytes(size // 3))
        sender.sendto(b"".join(batch), receiver.getsockname())
        received = []
        try:
            while len(received) < len(batch):
                datagram = receiver.recv(65536)
                if datagram[0] == attempt:
                    received.append(datagram)
        except TimeoutError:
            continue
        good = received == batch
        break
    receiver.close()
    sender.close()
    return good


def check_tagged(pods):
    """Frames with a VLAN tag, whole; the receiving kernel puts the tag beside the frame."""
    receiver = socket_in(pods[1], socket.AF_PACKET, socket.SOCK_RAW)
    receiver.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    receiver.bind(("eth0", 3))
    receiver.settimeout(1)
    sender = socket_in(pods[0], socket.AF_PACKET, socket.SOCK_RAW)
    sender.bind(("eth0", 3))
    macs = receiver.getsockname()[4] + sender.getsockname()[4]
    good = True
    for size in (46, 47, 100, 1001, 1376):
        payload = RANDOM.randbytes(size)
        arrived = None
        for _ in range(5):
            sender.send(macs + bytes.fromhex("8100 6007 88b5") + payload)
            try:
                while arrived is None:
                    frame, control, _, _ = receiver.recvmsg(2048, 256)
                    if frame[12:14] == b"\x88\xb5":
                        arrived = frame[14:], control[0][2]
                break
            except TimeoutError:
                continue
        status, tag = (0, 0) if arrived is None else struct.unpack_from("I12xH", arrived[1])
        good = good and status & TP_STATUS_VLAN_VALID and tag == 0x6007 and arrived[0] == payload
    receiver.close()
    sender.close()
    return good


def main():
    pods = sys.argv[1:3]
    addresses = {"IPv4": [], "IPv6": ["fd00::1", "fd00::2"]}
    for pod in pods:
        shown = os.popen(f"ip -n {pod} -4 -o address show dev eth0").read()
        addresses["IPv4"].append(shown.split()[3].split("/")[0])
    wrong = 0
    for name, pair in addresses.items():
        family = socket.AF_INET6 if "6" in name else socket.AF_INET
        for way, ends in (("there", pods), ("back", pods[::-1])):
            there = pair if way == "there" else pair[::-1]
            checks = {
                "TCP": check_tcp(ends, family, there, 4 << 20),
                "UDP of every size": check_udp(ends, family, there, (1, 2, 63, 64, 65, 999, 1300, 1327, 1328,
                                                                     1347, 1348, 1349, 4001, 20000, 60001)),
                "UDP in a batch": check_udp_train(ends, family, there, 1000),
                "UDP in a batch of odd size": check_udp_train(ends, family, there, 333),
                "frames with a VLAN tag": check_tagged(ends),
            }
            bad = [check for check, is_good in checks.items() if not is_good]
            wrong += len(bad)
            print(f"{'FAIL' if bad else 'ok  '} {name} {way} {' '.join(bad)}", flush=True)
    sys.exit(1 if wrong else 0)


main()
