"""Ethernet frames as a pod makes them that plays foul."""

import itertools
import socket
import struct
import time

BROADCAST = "ff:ff:ff:ff:ff:ff"
ALL_NODES = "ff02::1"
LOCAL = 0x88B5  # an Ethernet type for experiments, IEEE 802
MARK = b"from nobody who may"


def octets(mac):
    return bytes.fromhex(mac.replace(":", ""))


def ethernet(target, source, kind, payload):
    return (octets(target) + octets(source) + struct.pack("!H", kind) + payload).ljust(60, b"\0")


def checksum(data):
    data += bytes(len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def arp_claim(source, mac, address, target=BROADCAST):
    """ARP reply: `address` is at `mac`."""
    return ethernet(target, source, 0x0806, struct.pack("!HHBBH", 1, 0x0800, 6, 4, 2)
                    + octets(mac) + socket.inet_aton(address) + octets(mac) + socket.inet_aton(address))


def neighbour_claim(source, mac, address):
    """Neighbour advertisement that overrides: `address` is at `mac`."""
    here, there = socket.inet_pton(socket.AF_INET6, address), socket.inet_pton(socket.AF_INET6, ALL_NODES)
    body = struct.pack("!BBHI", 136, 0, 0, 0x20000000) + here + b"\x02\x01" + octets(mac)
    pseudo = here + there + struct.pack("!II", len(body), 58)
    body = body[:2] + struct.pack("!H", checksum(pseudo + body)) + body[4:]
    return ethernet("33:33:00:00:00:01", source, 0x86DD,
                    struct.pack("!IHBB", 6 << 28, len(body), 58, 255) + here + there + body)


def datagram(target, source, to, address, port, payload):
    """IPv4 and UDP from `address`."""
    udp = struct.pack("!HHHH", port, port, 8 + len(payload), 0) + payload
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 1, 0, 64, socket.IPPROTO_UDP, 0,
                     socket.inet_aton(address), socket.inet_aton(to))
    ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
    return ethernet(target, source, 0x0800, ip + udp)


def too_big(source, destination, port, mtu, identification):
    """ICMP message, "fragmentation needed", about a UDP datagram between two ports of this number."""
    told = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 1400, identification, 0x4000, 64, socket.IPPROTO_UDP, 0,
                       socket.inet_aton(source), socket.inet_aton(destination))
    told += struct.pack("!HHHH", port, port, 1380, 0)
    message = struct.pack("!BBHHH", 3, 4, 0, 0, mtu) + told
    return message[:2] + struct.pack("!H", checksum(message)) + message[4:]


def send_paced(port, made):
    """Sends frames in batches that a lane works off before the next."""
    while batch := list(itertools.islice(made, 500)):
        for frame in batch:
            port.send(frame)
        time.sleep(0.01)
