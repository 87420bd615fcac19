"""Originals and weft with their kernel datapaths. Each case gets an empty Lab."""

import contextlib
import subprocess
import sys

from cases import exchange, label, pair
from lab import HERE, Original, Weft, check, peer_name, wait_established, wait_until

PASSWORD = "wFvAEBpCBMrgDJQ5"


def overlay_of(node, peer):
    """The overlay that `node` says it uses towards peer number `peer`."""
    for connection in node.router()["Connections"]:
        if connection["State"] == "established" and peer_name(peer) in connection["Info"]:
            return connection["Attrs"]["name"]
    return None


def flow_strings(node):
    return [f"{' '.join(k for k in flow['FlowKeys'] if not k.startswith('Unknown'))} -> "
            f"{' '.join(flow['Actions'] or [])} ({flow['Packets']} packets)"
            for flow in node.fastdp()["Flows"]
            if any("Ethernet" in key and "ff:ff" not in key and "33:33" not in key
                   for key in flow["FlowKeys"])]


def wait_fastdp(*pairs):
    """`pairs`: a node and the number of a peer."""
    for node, peer in pairs:
        wait_until(lambda node=node, peer=peer: overlay_of(node, peer) == "fastdp",
                   f"{node.kind} {node.index} uses fastdp towards {peer}", 60)


def dial(lab, weft_dials, password=None):
    theirs, ours, took = pair(lab, password, weft_dials)
    wait_fastdp((theirs, 2), (ours, 1))
    a, b = theirs.add_pod("a"), ours.add_pod("b")
    said = exchange(a, b, (56, 1300), (("tcp", 1 << 20),))
    wait_until(lambda: any(b.mac() in flow for flow in flow_strings(theirs)), "their flow", 10)
    wait_until(lambda: any(a.mac() in flow for flow in flow_strings(ours)), "our flow", 10)
    return [f"established in {took:.2f} s, {label(password)}", *said,
            *(f"they: {flow}" for flow in flow_strings(theirs)),
            *(f"we: {flow}" for flow in flow_strings(ours))]


def relay(lab, kinds):
    """Nodes in a line: the middle one relays in its datapath."""
    for index in (1, 3):
        lab.plug(index)
    lab.cut(1, 3)
    first = lab.start(kinds[0], 1, init="consensus=3")
    middle = lab.start(kinds[1], 2, None, [1], "consensus=3")
    last = lab.start(kinds[2], 3, None, [2], "consensus=3")
    wait_established(first, middle)
    wait_established(middle, last)
    wait_fastdp((first, 2), (middle, 1), (middle, 3), (last, 2))
    a, b = first.add_pod("a"), last.add_pod("b")
    wait_until(lambda: "1 received" in a.run("ping", "-c", "1", "-W", "1", b.ip, ok=False),
               "pods reach each other over the middle", 30)
    said = exchange(a, b, (56, 1300), (("tcp", 1 << 20),))
    check(overlay_of(first, 3) is None, "first and last are not connected")
    return said


def short_id(node, peer):
    """The short id of peer number `peer`, as `node` knows it."""
    return next((each["ShortID"] for each in node.router()["Peers"]
                 if each["Name"] == peer_name(peer)), None)


@contextlib.contextmanager
def rival(node, address, claimed):
    """A peer with a lower name than everybody's that has taken the short id `claimed`."""
    script = f"""
import socket, sys
sys.path.insert(0, {str(HERE)!r})
from hostile import introduced
with socket.create_connection(({address!r}, 6783)) as stream:
    stream.sendall(introduced(b"", Name="02:00:00:00:98:01", ShortID="{claimed}")[0])
    while stream.recv(1 << 16):
        pass
"""
    process = subprocess.Popen(["ip", "netns", "exec", node.netns, sys.executable, "-c", script])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def collision(lab, weft_yields):
    """One of both has to take another short id under traffic: flows of both follow."""
    theirs, ours, _ = pair(lab, None, True)
    wait_fastdp((theirs, 2), (ours, 1))
    a, b = theirs.add_pod("a"), ours.add_pod("b")
    said = exchange(a, b, (56,), (("tcp", 1 << 16),))
    node, peer = (ours, 2) if weft_yields else (theirs, 1)
    old = short_id(node, peer)
    with rival(node, f"10.99.0.{peer}", old):
        wait_until(lambda: all(short_id(each, peer) not in (None, old) for each in (theirs, ours)),
                   "another short id", 60)
        said += exchange(a, b, (56, 1300), (("tcp", 1 << 20),))
        first, second = short_id(theirs, 1), short_id(theirs, 2)
        for each, tunnel in ((theirs, first | second << 12), (ours, second | first << 12)):
            wait_until(lambda each=each, tunnel=tunnel: any(
                f"SetTunnelAction{{id: {tunnel:016x}," in flow for flow in flow_strings(each)),
                f"{each.kind}'s flow has the new id", 20)
        wait_fastdp((theirs, 2), (ours, 1))
    return [f"{node.kind} gave up {old} for {short_id(node, peer)}", *said]


FASTDP_CASES = {
    "weft-dials": lambda lab: dial(lab, True),
    "original-dials": lambda lab: dial(lab, False),
    "weft-dials-encrypted": lambda lab: dial(lab, True, PASSWORD),
    "original-dials-encrypted": lambda lab: dial(lab, False, PASSWORD),
    "relay-by-weft": lambda lab: relay(lab, (Original, Weft, Original)),
    "weft-yields-short-id": lambda lab: collision(lab, True),
    "original-yields-short-id": lambda lab: collision(lab, False),
    "relay-by-original": lambda lab: relay(lab, (Weft, Original, Weft)),
}
