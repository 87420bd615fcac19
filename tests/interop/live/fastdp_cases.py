"""Originals and weft with their kernel datapaths. Each case gets an empty Lab."""

from cases import exchange, label, pair
from lab import Original, Weft, check, peer_name, wait_established, wait_until

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


FASTDP_CASES = {
    "weft-dials": lambda lab: dial(lab, True),
    "original-dials": lambda lab: dial(lab, False),
    "weft-dials-encrypted": lambda lab: dial(lab, True, PASSWORD),
    "original-dials-encrypted": lambda lab: dial(lab, False, PASSWORD),
    "relay-by-weft": lambda lab: relay(lab, (Original, Weft, Original)),
    "relay-by-original": lambda lab: relay(lab, (Weft, Original, Weft)),
}
