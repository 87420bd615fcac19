"""What somebody without the password must not achieve (A), except for texts, see peers.py."""

import socket
import struct
import threading
import time

import frames
import wire
from arena import open_files, scenario
from lab import INTRODUCTIONS, INTRUDER, check, wait_until
from netns import socket_in

HELD = 3  # seconds


def pose(node, name, **more):
    """A version-1 connection under `name`; None when it is refused."""
    try:
        return wire.Peer(node.address, name, version=1, patience=3, **more)
    except OSError:
        return None


@scenario("secret")
def a1_replaced(arena):
    """No connection replaces a peer's before it proved that it knows the password."""
    first, *others = arena.lab.nodes
    uid = first.uid()
    with arena.lab.as_intruder():  # the smaller connection id stays: none is smaller than 0
        posing = [pose(node, first.peer_name, uid=uid, connection_id=lambda theirs: theirs)
                  for node in others]
    time.sleep(HELD)
    for peer in filter(None, posing):
        peer.close()
    arena.note(f"{sum(peer is not None for peer in posing)} of 2 introductions were taken")


@scenario("secret", spares={"node3"})
def a1_slots(arena):
    """Connections that proved nothing take no slot: a peer that restarts still finds one."""
    lab = arena.lab
    with lab.as_intruder():
        posing = [pose(node, f"02:00:00:00:66:{number:02x}", connection_id=number)
                  for number in range(1, 13) for node in lab.nodes[:2]]
    last = arena.node(3)
    last.stop()
    last.start()
    took = wait_until(lambda: not last.fault(), "node3 finds a slot", 5 * arena.patience)
    time.sleep(1)
    for peer in filter(None, posing):
        peer.close()
    arena.note(f"node3 was back after {took:.1f} s")


@scenario("secret")
def a2_long_introductions(arena):
    """An introduction is at most 64 KiB, and what waits for a proof is bounded."""
    node = arena.node(1)
    key = wire.Boxes("any").public
    beginnings = {1: b"\xfc" + struct.pack("!I", 9 << 20), 2: b"\x01" + key + struct.pack("!I", 9 << 20)}
    before = open_files(node)
    with arena.lab.as_intruder():
        streams = [offer(node, wire.header(1, version) + beginnings[version] + bytes(1 << 20), last % 4)
                   for last in range(20) for version in (1, 2)]
        small = b"\x01" + key + struct.pack("!I", 60 << 10) + bytes(59 << 10)
        streams += [offer(node, wire.header() + small, 0) for _ in range(80)]
    time.sleep(1)
    held = open_files(node) - before
    for stream in filter(None, streams):
        stream.close()
    arena.note(f"{held} of 120 connections were held")
    check(held <= INTRODUCTIONS, f"{held} connections were held that proved nothing")


def offer(node, octets, last):
    """A connection from the stranger's address number `last` on which all of `octets` were sent."""
    try:
        stream = socket.create_connection((node.address, wire.PORT), timeout=2,
                                          source_address=(f"10.99.0.{200 + last}", 0))
    except OSError:
        return None
    try:
        stream.sendall(octets)
    except OSError:
        pass  # refused before the end; the router may have closed it
    return stream


@scenario("secret", spares={"node3"})
def a4_steady_connects(arena):
    """One source that connects all the time keeps no other out."""
    lab, last, done, made = arena.lab, arena.node(3), threading.Event(), []

    def connect():
        with lab.as_intruder():
            while not done.wait(0.01):
                for node in lab.nodes[:2]:
                    stream = socket.socket()
                    stream.setblocking(False)
                    stream.bind((INTRUDER, 0))
                    stream.connect_ex((node.address, wire.PORT))
                    made.append(stream)
                while len(made) > 40:  # most are dead when the node gets to them
                    made.pop(0).close()

    intruder = threading.Thread(target=connect)
    last.stop()
    intruder.start()
    time.sleep(2)
    last.start()
    try:
        took = wait_until(lambda: not last.fault(), "node3 gets in", 5 * arena.patience)
        arena.note(f"node3 was in after {took:.1f} s")
    finally:
        done.set()
        intruder.join()
        for stream in made:
            stream.close()


@scenario("secret")
def a5_forged_icmp(arena):
    """The path MTU is what authenticated probes measured: a forged ICMP message changes nothing."""
    first, second, _ = arena.lab.nodes
    before, speed = mtus(first) | mtus(second), throughput(arena)
    raw = socket_in(arena.lab.underlay, socket.AF_INET, socket.SOCK_RAW, protocol=socket.IPPROTO_ICMP)
    for here, there in ((first, second), (second, first)):
        for identification in (0, 1):
            report = frames.too_big(here.address, there.address, wire.PORT, 552, identification)
            raw.sendto(report, (here.address, 0))
    lowest, deadline = min(before), time.monotonic() + HELD
    while time.monotonic() < deadline:
        lowest = min(lowest, *mtus(first), *mtus(second))
        time.sleep(0.05)
    after = throughput(arena)
    arena.note(f"MTU {min(before)}, then {lowest}; TCP {speed:.0f} MB/s, then {after:.0f} MB/s")
    check(lowest >= min(before), f"the MTU fell from {min(before)} to {lowest}")
    check(after > speed / 2 or arena.sanitized, f"TCP fell from {speed:.0f} to {after:.0f} MB/s")


def mtus(node):
    return {c["Attrs"]["mtu"] for c in node.call("mesh.connections") if c["State"] == "established"}


def throughput(arena, seconds=1.0):
    """MB/s of one stream from pod a to pod b."""
    a, b = arena.lab.pods["a"], arena.lab.pods["b"]
    listener = socket_in(b.netns, socket.AF_INET, socket.SOCK_STREAM, b.address, 0)
    listener.listen(1)
    client = socket_in(a.netns, socket.AF_INET, socket.SOCK_STREAM)
    client.connect(listener.getsockname())
    server, _ = listener.accept()
    end, received = time.monotonic() + seconds, 0

    def send():
        try:
            while time.monotonic() < end:
                client.sendall(bytes(1 << 18))
        except OSError:
            pass
        client.close()

    sender = threading.Thread(target=send)
    sender.start()
    while time.monotonic() < end and (piece := server.recv(1 << 20)):
        received += len(piece)
    server.close()
    listener.close()
    sender.join()
    return received / seconds / 1e6
