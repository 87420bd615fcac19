"""What one peer must not achieve against the ring of address ranges (B5)."""

import socket
import struct
import time
from concurrent.futures import ThreadPoolExecutor

import wire
from arena import scenario
from lab import Failure, check
from peers import ADDRESSES, NAME, REFUSED, join, leave, tell


@scenario("clear")
def b5_given_away(arena):
    """An entry of the ring changes by its owner or a take-over only; no address is given twice."""
    lab = arena.lab
    before = shares(arena.node(1).ring())
    tokens = tokens_of(arena.node(1))
    with arena.refused("weft_ipam_outbid_total"):
        give_away(arena, tokens)
    for node in lab.nodes:  # what an operator does about a peer that is gone
        try:
            node.call("ipam.take-over", peer=NAME)
        except Failure:
            pass  # no peer of the ring
    after = [shares(node.ring()) for node in lab.nodes]
    check(all(view == before for view in after), f"the ring was {before}, the nodes see {after}")
    check_addresses(arena)


def give_away(arena, tokens):
    """Claims the ranges of two victims for itself, and a part of what one keeps."""
    lab, peer = arena.lab, join(arena.lab, arena.node(1))
    for number, victim in enumerate((arena.node(2).peer_name, arena.node(3).peer_name)):
        entries = []
        for token, owner, version in tokens:
            entries.append((token, NAME, version + 50) if owner == victim else (token, owner, version))
            if owner == victim and number:
                entries[-1:] = [(token, owner, version), (token + 64, NAME, 0)]
        state = ring_state(entries)
        if not tell(peer, wire.gossip(ADDRESSES, NAME, state)):
            peer = join(lab, arena.node(1), connection_id=77)
            tell(peer, wire.gossip(ADDRESSES, NAME, state))
        time.sleep(1)
    leave(peer)
    time.sleep(1)


@scenario("clear")
def b5_forged_word(arena):
    """Nobody gives out a range on a word that its owner contradicts, however often it is forged."""
    lab, gainer, owner = arena.lab, arena.node(1), arena.node(2)
    before, tokens = shares(gainer.ring()), tokens_of(gainer)
    peer, asker = join(lab, gainer), ThreadPoolExecutor(1)
    with arena.refused(REFUSED, reason="in-neighbours-name"):
        end, number, asked = time.monotonic() + 14, 0, None
        while time.monotonic() < end:
            number += 1
            state = ring_state([(token, gainer.peer_name if of == owner.peer_name else of,
                                 version + (1000 * number if of == owner.peer_name else 0))
                                for token, of, version in tokens])
            check(tell(peer, wire.gossip(ADDRESSES, NAME, state),
                       *[wire.unicast(ADDRESSES, owner.peer_name, gainer.peer_name, b"\x01" + state)] * 3),
                  "the forger was cut")
            if number == 40:
                asked = asker.submit(gainer.call, "ipam.allocate", owner="asker", subnet=victims_subnet(lab))
            time.sleep(0.02)
        shown = "is not used yet" in gainer.weft("status", "ipam")
        check(shown or shares(gainer.ring()) == before, "a contested range is not shown")
    leave(peer)
    arena.note(f"{number} rings of one version more each; asked meanwhile: {asked.result()['addresses']}")
    arena.heal([])
    check_addresses(arena, asked.result()["addresses"])
    gainer.call("ipam.release", owner="asker")


@scenario("clear")
def b5_invented_tokens(arena):
    """What one node took that the owner does not know is the owner's again soon."""
    lab, peer = arena.lab, join(arena.lab, arena.node(1))
    tokens = tokens_of(arena.node(1))
    base = tokens[-1][0]
    invented_ones = [(base + 16 + 8 * number, NAME, 5) for number in range(2000)]
    with arena.refused("weft_ipam_refused_total", reason="too-many"), arena.refused("weft_ipam_outbid_total"):
        for _ in range(25):
            tell(peer, wire.gossip(ADDRESSES, NAME, ring_state(tokens + invented_ones)))
            time.sleep(0.2)
    leave(peer)


def tokens_of(node):
    return [(number_of(e["Token"]), e["Peer"], e["Version"]) for e in node.call("ipam.status")["Entries"]]


def ring_state(entries):
    """Of the lab's range, as the intruder tells it."""
    return wire.address_state([(NAME, "hostile")], (number_of("10.32.0.0"), number_of("10.48.0.0"), [
        wire.ring_entry(*entry) for entry in entries], ()))


def victims_subnet(lab):
    return f"{lab.pods['b'].address.rsplit('.', 1)[0]}.0/24"


def check_addresses(arena, given_before=()):
    """Addresses that the nodes give out now differ from each other and from those in use."""
    lab = arena.lab
    given = [lab.add_pod(f"new{number}", node).address
             for number, node in enumerate(("node1", "node2", "node3", "node1", "node2", "node3"))]
    everybody = given + [lab.pods[name].address for name in "abc"]
    everybody += [address.split("/")[0] for address in given_before]
    everybody += [address.split("/")[0] for node in lab.nodes for address in node_addresses(node)]
    everybody += [node.call("ipam.allocate", owner="late asker", subnet=victims_subnet(lab))
                  ["addresses"][0].split("/")[0] for node in (arena.node(1), arena.node(3))]
    for node in (arena.node(1), arena.node(3)):
        node.call("ipam.release", owner="late asker")
    for number in range(len(given)):
        lab.remove_pod(f"new{number}")
    check(len(set(everybody)) == len(everybody), f"an address was given twice: {sorted(everybody)}")


def node_addresses(node):
    """Of the node itself among the pods."""
    return node.call("ipam.lookup", owner="weave:expose")["addresses"] or ()


def shares(ring):
    """Who owns what: neighbouring ranges of one peer are one, as an owner may split its own."""
    merged = []
    for token, size, peer in ring:
        if merged and merged[-1][2] == peer:
            merged[-1] = (merged[-1][0], merged[-1][1] + size, peer)
        else:
            merged.append((token, size, peer))
    return merged


def number_of(address):
    return struct.unpack("!I", socket.inet_aton(address))[0]
