"""What one peer must not achieve against a cluster (B)."""

import socket
import struct
import time

import wire
from arena import open_files, scenario
from lab import INTRUDER, check, wait_until
from netns import socket_in

NAME = "02:00:00:00:99:66"
ADDRESSES = "IPallocation"
REFUSED = "weft_gossip_refused_total"


def introduce(lab, node, name=NAME, **more):
    """A connection under a name; None when the node refuses it."""
    try:
        with lab.as_intruder():
            return wire.Peer(node.address, name, **more)
    except OSError:
        return None


def join(lab, node, name=NAME, **more):
    """The same for attacks that show nothing unless they get in."""
    deadline = time.monotonic() + 5
    while not (peer := introduce(lab, node, name, **more)):  # such as by the limit of connects
        check(time.monotonic() < deadline, f"{name} did not get into {node.name}")
        time.sleep(0.1)
    return peer


def tell(peer, *messages):
    """Sends them; whether the connection took all."""
    try:
        for message in messages:
            peer.send(message)
    except OSError:
        return False
    return True


def leave(*joined):
    for each in joined:
        each.close()


def invented(number):
    return f"02:66:00:00:{number >> 8:02x}:{number & 255:02x}"


@scenario("clear")
def b1_malformed_unicasts(arena):
    """A peer is cut for what it originates only: nobody is for relaying it."""
    lab, relay = arena.lab, arena.node(3)
    cuts, peer = 0, join(lab, relay)
    with arena.refused(REFUSED, reason="channel-user"), arena.refused(REFUSED, reason="topology-unicast"):
        for number in range(60):
            victim = lab.nodes[number % 2]
            payloads = (b"\x00" + b"\x7f" * 8, b"\x01\xff\x81\x03", b"\x02", b"\x09junk", b"")
            kinds = [wire.unicast(ADDRESSES, NAME, victim.peer_name, payloads[number % len(payloads)]),
                     wire.unicast("topology", NAME, victim.peer_name, b"junk")]
            if not tell(peer, kinds[number % 2]):
                cuts, peer = cuts + 1, join(lab, relay, connection_id=number)
            time.sleep(0.05)
    leave(peer)
    arena.note(f"the sender was cut {cuts} times")


@scenario("clear")
def b1_full_peer_table(arena):
    """A full peer table refuses what is new; no honest connection ends for it."""
    lab = arena.lab
    joined = [join(lab, arena.node(1)), join(lab, arena.node(3), name=invented(0x7000))]
    with arena.refused(REFUSED, reason="table-full"):
        fill_table(joined)
    arena.note(f"{[len(node.call('mesh.status')['Peers']) for node in lab.nodes]} peers are known")
    leave(*joined)


def fill_table(joined):
    for version in (10, 11):
        halves = [wire.gossip("topology", name, wire.topology(wire.peer(name, "hostile", 4711, version, [
            wire.connection_to(invented(600 * index + n)) for n in range(1, 601)])))
                  for index, name in enumerate((NAME, invented(0x7000)))]
        for peer, half in zip(joined, halves):  # there is room for either, not for both
            tell(peer, half)
        time.sleep(1)


@scenario("clear")
def b2_forged_entry(arena):
    """A node outbids every claim about itself that is not its own; versions have a ceiling."""
    lab, victim = arena.lab, arena.node(2)
    uid = victim.uid()
    with arena.refused(REFUSED, reason="beyond-ceiling"):
        for number, version in enumerate((1000, 5000, 1 << 40, (1 << 64) - 2, (1 << 64) - 1)):
            peer = join(lab, arena.node(1), connection_id=100 + number)
            tell(peer, wire.gossip("topology", NAME, wire.topology(
                wire.peer(victim.peer_name, "node2", uid, version),
                wire.peer(NAME, "hostile", 4711, 5 + number,
                          [wire.connection_to(arena.node(1).peer_name)]))))
            time.sleep(0.4)
            leave(peer)
    known = next(p for p in arena.node(3).call("mesh.status")["Peers"] if p["Name"] == victim.peer_name)
    arena.note(f"the victim's version was {known['Version']} at the end")
    time.sleep(2)


@scenario("clear")
def b2_other_incarnation(arena):
    """The same for a claim with another UID, as if the victim had restarted."""
    lab, victim = arena.lab, arena.node(2)
    peer = join(lab, arena.node(1))
    with arena.refused(REFUSED, reason="beyond-ceiling"):
        for number, version in enumerate((1000, 1 << 40, (1 << 64) - 1)):
            tell(peer, wire.gossip("topology", NAME, wire.topology(
                wire.peer(victim.peer_name, "node2", victim.uid() ^ 1, version))))
            time.sleep(0.5)
            if peer.has_ended.is_set():
                peer = join(lab, arena.node(1), connection_id=number)
    leave(peer)
    time.sleep(2)


@scenario("clear")
def b3_invented_addresses(arena):
    """Peers that nobody reached are dialled few at a time."""
    lab = arena.lab
    before = {node: open_files(node) for node in lab.nodes}
    peer = join(lab, arena.node(1))
    addresses = [wire.connection_to(invented(n), f"198.18.{n >> 8}.{n & 255}:6783") for n in range(1, 401)]
    tell(peer, wire.gossip("topology", NAME, wire.topology(wire.peer(NAME, "hostile", 4711, 9, addresses))))
    wait_until(lambda: peers_known(lab) > 400, "the nodes believe in 400 peers more", 5 * arena.patience)
    most, deadline = 0, time.monotonic() + 4
    while time.monotonic() < deadline:
        most = max(most, *(open_files(node) - before[node] for node in lab.nodes))
        time.sleep(0.05)
    leave(peer)
    arena.note(f"400 invented peers, at most {most} descriptors more on a node")
    check(0 < most <= 64, f"a node held {most} descriptors for peers that nobody reached")


def peers_known(lab):
    """Of the node that knows fewest."""
    return min(len(node.call("mesh.status")["Peers"]) for node in lab.nodes)


@scenario("clear")
def b3_many_connections(arena):
    """A large topology is worked on in slices: no connection is given up meanwhile."""
    lab = arena.lab
    peer = join(lab, arena.node(1))
    everybody = [wire.connection_to(invented(n)) for n in range(400)]
    for version in (10, 11, 12):
        tell(peer, wire.gossip("topology", NAME, wire.topology(
            wire.peer(NAME, "hostile", 4711, version, everybody),
            *(wire.peer(invented(n), "", 7, version, everybody) for n in range(400)))))
        time.sleep(1)
    wait_until(lambda: peers_known(lab) > 400, "the nodes believe in 400 peers more", 5 * arena.patience)
    leave(peer)


def establish(arena, node):
    """A peer over which frames go: it says that it hears the node by UDP, and is heard."""
    peer = join(arena.lab, node)
    udp = socket_in(arena.lab.intruder, socket.AF_INET, socket.SOCK_DGRAM, INTRUDER)
    beat = wire.datagram(NAME, (NAME, node.peer_name, wire.heartbeat(int(peer.remote["ConnID"]) ^ 12)))

    def is_established():
        udp.sendto(beat, (node.address, wire.PORT))
        tell(peer, wire.overlay_control(1))
        mine = next(p for p in node.call("mesh.status")["Peers"] if p["Name"] == node.peer_name)
        return any(c["Established"] for c in mine["Connections"] if c["Name"] == NAME)

    wait_until(is_established, "the overlay works", 5 * arena.patience)
    udp.close()
    return peer


@scenario("clear")
def b3_reached_crowd(arena):
    """Peers that list each other, so that frames seem to reach them, cost a bounded amount of work."""
    lab, node = arena.lab, arena.node(1)
    peer = establish(arena, node)
    crowd = [invented(n) for n in range(900)]
    tell(peer, wire.gossip("topology", NAME, wire.topology(
        wire.peer(NAME, "hostile", 4711, 1000, [wire.connection_to(n) for n in [node.peer_name, *crowd]]),
        *(wire.peer(n, "h", 5, 5, [wire.connection_to(NAME)]) for n in crowd))))
    wait_until(lambda: len(node.call("mesh.status")["UnicastRoutes"]) > 900, "frames reach them",
               5 * arena.patience)
    with arena.refused(REFUSED, reason="table-full"):
        for first in range(0, 900, 100):
            tell(peer, wire.gossip("topology", NAME, wire.topology(*(
                wire.peer(crowd[n], "h", 5, 6, [wire.connection_to(NAME)] + [
                    wire.connection_to(crowd[(n + 1 + k) % 900]) for k in range(-165, 165) if k != -1])
                for n in range(first, first + 100)))))
        time.sleep(2)
        arena.memory.freeze()
        for each in lab.nodes:  # the operator asks what goes on
            known = sum(len(p["Connections"]) for p in each.call("mesh.status")["Peers"])
            arena.note(f"{each.name} believes in {known} connections")
            check(known < 90_000, f"{each.name} believes in {known} connections")
    leave(peer)


@scenario("clear")
def b4_control_flood(arena):
    """Queues between loops are bounded: overlay messages that come fast cost no memory."""
    peer = join(arena.lab, arena.node(1))
    messages = b"".join(wire.framed(wire.overlay_control(3, struct.pack("!H", 1400))) for _ in range(1000))
    with arena.refused("weft_gossip_control_messages_ignored_total"):
        flood(arena, peer, messages, 1_500_000 // 1000)
    leave(peer)


def flood(arena, peer, octets, most):
    """Sends `octets` over and over, for 4 s or `most` times."""
    sent, deadline = 0, time.monotonic() + 4
    try:
        peer.stream.settimeout(1)
        while time.monotonic() < deadline and sent < most:
            peer.stream.sendall(octets)
            sent += 1
    except OSError as end:
        arena.note(f"ended: {end}")
    arena.note(f"{sent * len(octets) >> 20} MiB were sent")
    time.sleep(1)


@scenario("clear")
def b4_unread_answers(arena):
    """Answers that nobody reads are bounded: the asker has to wait or is cut."""
    node, victim = arena.node(1), arena.lab.pods["a"].address
    peer = join(arena.lab, node, reads=False)
    used = struct.unpack("!I", socket.inet_aton(victim))[0]
    ask = wire.framed(wire.unicast(ADDRESSES, NAME, node.peer_name,
                                   b"\x00" + wire.address_range(used, used + 1)))
    with arena.refused("weft_ipam_refused_total", reason="request-rate"):
        flood(arena, peer, ask * 100, 800)
    leave(peer)


@scenario("clear")
def b4_unread_acknowledgements(arena):
    """So are answers to what comes by UDP: each test frame is acknowledged over TCP."""
    lab, node = arena.lab, arena.node(1)
    peer = join(lab, node, reads=False)
    udp = socket_in(lab.intruder, socket.AF_INET, socket.SOCK_DGRAM, INTRUDER)
    tests = wire.datagram(NAME, *[(NAME, node.peer_name, bytes(15))] * 64)
    sent, deadline = 0, time.monotonic() + 4
    while time.monotonic() < deadline:
        for _ in range(20):
            udp.sendto(tests, (node.address, wire.PORT))
            sent += 64
        time.sleep(0.001)
    arena.note(f"{sent} test frames were sent")
    udp.close()
    leave(peer)


MIB = 1 << 20


@scenario("clear")
def b4_unfinished_messages(arena):
    """Few long messages are held at a time, and nothing of those that are over."""
    lab, ignored, crowd = arena.lab, b"\x63" + bytes(6 * MIB), []
    for number in range(6):
        crowd.append(join(lab, arena.node(1), name=invented(number), connection_id=number))
        tell(crowd[-1], ignored)
        crowd[-1].stream.sendall(b"\0")
    begun = struct.pack("!I", len(ignored))[1:] + ignored[:-1]
    for peer in crowd:
        peer.stream.settimeout(0.5)
        try:
            peer.stream.sendall(begun)
        except OSError:
            pass  # the node leaves the rest with its peer
    time.sleep(1)
    leave(*crowd)


@scenario("clear")
def b4_slow_readers(arena):
    """What is passed on to peers that read nothing is bounded for all of them together."""
    lab, node = arena.lab, arena.node(1)
    crowd = [join(lab, node, name=invented(number), connection_id=number, reads=False) for number in range(12)]
    sender = join(lab, node)
    for peer in (*crowd, sender):
        tell(peer, wire.gossip("topology", peer.name, wire.topology(
            wire.peer(peer.name, "hostile", 4711, 9, [wire.connection_to(node.peer_name)]))))
    with arena.refused("weft_gossip_relays_dropped_total"), \
            arena.refused("weft_gossip_unicasts_undeliverable_total"):
        for number in range(400):
            tell(sender, wire.gossip(f"unknown{number % 8}", NAME, struct.pack("!I", number) * (MIB // 8)))
        for peer in crowd:
            tell(sender, wire.unicast("unknown", NAME, peer.name, bytes(3 * MIB)))
        time.sleep(1)
    leave(sender, *crowd)


@scenario("clear")
def b4_nicknames_of_addresses(arena):
    """IPAM keeps state for peers of mesh and ring only, and its gossip goes on."""
    lab = arena.lab
    with arena.refused("weft_ipam_refused_total", reason="nickname"):
        for part in range(4):
            peer = join(lab, arena.node(1), connection_id=part)
            names = [(f"02:6{part}:00:00:{n >> 8:02x}:{n & 255:02x}", "n" * 100) for n in range(40_000)]
            tell(peer, wire.gossip(ADDRESSES, NAME, wire.address_state(names)))
            time.sleep(0.5)
            leave(peer)
    begin = time.monotonic()
    lab.add_pod("late", "node3")  # may need space of others
    arena.note(f"a pod had its address after {time.monotonic() - begin:.1f} s")
    lab.remove_pod("late")


@scenario("clear")
def b6_replayed_heartbeat(arena):
    """A peer's move is probed before it is believed: a captured heartbeat moves nobody."""
    lab = arena.lab
    first, second, _ = lab.nodes
    caught = capture_heartbeat(lab, second.address, first.address)
    check(caught, "no heartbeat in clear was seen")
    replay = socket_in(lab.intruder, socket.AF_INET, socket.SOCK_DGRAM, INTRUDER)
    with arena.refused("weft_sleeve_dropped_total", reason="unproven_address"):
        for _ in range(40):
            replay.sendto(caught, (first.address, wire.PORT))
            time.sleep(0.1)
    replay.close()


def capture_heartbeat(lab, source, target):
    """The UDP payload of one sleeve heartbeat on the underlay."""
    tap = socket_in(lab.underlay, socket.AF_PACKET, socket.SOCK_RAW)
    tap.bind(("node2", 3))
    deadline = time.monotonic() + 15
    pair = socket.inet_aton(source) + socket.inet_aton(target)
    try:
        while time.monotonic() < deadline:
            try:
                packet = tap.recv(2048)
            except TimeoutError:
                continue
            # Ethernet, IPv4 without options, UDP, then name, record header, 22 octets of heartbeat
            if packet[12:14] == b"\x08\x00" and packet[26:34] == pair and len(packet) == 42 + 6 + 14 + 22:
                return packet[42:]
    finally:
        tap.close()
    return None
