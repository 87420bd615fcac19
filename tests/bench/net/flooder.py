"""Floods, and captures what to flood with.

    flooder.py send SOURCE ADDRESS PORT HEX   repeats the datagram until it is killed
    flooder.py capture DEVICE PORT            prints "ready", then the next datagram to PORT there, in hex
"""
import contextlib
import signal
import socket
import sys

SEGMENTS = 40  # datagrams that the kernel makes of one call
UDP_SEGMENT = 103  # Source: linux/udp.h
SOURCE_PORT = 6783
ETH_P_ALL = 3  # a port of a bridge shows its packets to nobody who asks for less
IPV4 = b"\x08\x00"
HEADERS = 14 + 20 + 8  # bytes of Ethernet, IPv4 and UDP


def send(source, address, port, datagram):
    datagram = bytes.fromhex(datagram)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind((source, SOURCE_PORT))
        sender.connect((address, int(port)))
        sender.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, len(datagram))
        while True:
            with contextlib.suppress(ConnectionRefusedError):
                sender.send(datagram * SEGMENTS)


def capture(device, port):
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL)) as wire:
        wire.bind((device, ETH_P_ALL))
        print("ready", flush=True)
        while True:
            packet = wire.recv(1 << 16)
            is_udp = packet[12:14] == IPV4 and packet[23] == socket.IPPROTO_UDP
            if is_udp and packet[36:38] == int(port).to_bytes(2, "big"):
                print(packet[HEADERS:].hex())
                return


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # ends without a word
    {"send": send, "capture": capture}[sys.argv[1]](*sys.argv[2:])
