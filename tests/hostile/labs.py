"""The labs, each with the bounds that its scenarios reach with little."""

import socket

import calm  # noqa: F401 - these register their scenarios, in order
import strangers  # noqa: F401
import peers  # noqa: F401
import texts  # noqa: F401
import ranges  # noqa: F401
import pods  # noqa: F401
import frames
from lab import INTRODUCTIONS, OUTSIDE, Lab, wait_until
from netns import socket_in

GOSSIP = "plugin.gossip"


def secret(node):
    """With a password. Nobody dials node3: it has to get in by itself. node1 takes protocol 2 only."""
    others = {"node1": ["10.99.0.12"], "node2": ["10.99.0.11"], "node3": ["10.99.0.11", "10.99.0.12"]}
    fields = {(GOSSIP, "connection-limit"): 8, (GOSSIP, "introduction-limit"): INTRODUCTIONS,
              (GOSSIP, "peers"): others[node.name]}
    return fields if node.name == "node1" else {**fields, (GOSSIP, "min-protocol-version"): 1}


def clear(node):
    return {}


def with_plugins(*plugins):
    return lambda node: {("host", "plugins"): ["gossip", "ipam", "sleeve", "bridge", "cni", *plugins]}


LABS = {"secret": secret, "clear": clear, "pods": clear, "routed": with_plugins("nat-none"),
        "bare": with_plugins()}


def make(name, weft):
    """A running lab with an innocent pod on each node, and where pods attack one that does."""
    lab = Lab(weft, f"hostile{name}", LABS[name], password=name == "secret")
    lab.has_masquerade = name not in ("routed", "bare")
    pods = {"a": "node1", "b": "node2", "c": "node3"}
    if name in ("secret", "clear"):
        lab.up(pods)
        return lab
    lab.up({**pods, "evil": "node1"})
    warm(lab)
    a, b = lab.pods["a"], lab.pods["b"]
    for pod in lab.pods.values():
        wait_until(lambda: pod.link(6), "an IPv6 address", 10)
    lab.more_flows = [("ab6", a.netns, b.netns, b.link(6), "eth0")]
    if lab.has_masquerade:
        lab.more_flows.append(("a-out", a.netns, lab.underlay, OUTSIDE))
    return lab


def warm(lab):
    """As many frames as the floods send, of one MAC: packet buffers are touched when first used."""
    with socket_in(lab.pods["evil"].netns, socket.AF_PACKET, socket.SOCK_RAW) as port:
        port.bind(("eth0", 3))
        frame = frames.ethernet(frames.BROADCAST, lab.pods["evil"].link(0), frames.LOCAL, b"")
        frames.send_paced(port, (frame for _ in range(50_000)))
