"""What a pod must not achieve against nodes and other pods (C)."""

import select
import socket
import time

import frames
import wire
from arena import scenario
from lab import check, run
from netns import socket_in

FASTDP_PORT = 6784
OPEN_PORT = 7777  # of a node, which pods may reach
SECOND_ADDRESS = "10.99.0.112"  # of another node, which the mesh does not use


def tap(netns, interface):
    """All that passes an interface; reading it does not wait."""
    made = socket_in(netns, socket.AF_PACKET, socket.SOCK_RAW)
    made.bind((interface, 3))
    made.setblocking(False)
    return made


def seen(tapped, wanted):
    """How many of the packets that waited contain `wanted`."""
    count = 0
    while True:
        try:
            count += wanted in tapped.recv(1 << 16)
        except BlockingIOError:
            return count


def reaches(netns, places, patience=1.0):
    """Which of the addresses and ports accept a TCP connection from `netns`."""
    waiting = {}
    for place in places:
        stream = socket_in(netns, socket.AF_INET, socket.SOCK_STREAM)
        stream.setblocking(False)
        stream.connect_ex(place)
        waiting[stream] = place
    found, deadline = [], time.monotonic() + patience
    while waiting and (rest := deadline - time.monotonic()) > 0:
        for stream in select.select([], list(waiting), [], rest)[1]:
            place = waiting.pop(stream)
            if stream.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
                found.append(place)
            stream.close()
    for stream in waiting:
        stream.close()
    return found


def keep_from_nodes(arena):
    lab, evil, own, other = arena.lab, arena.lab.pods["evil"], arena.node(1), arena.node(2)
    gateway = own.call("bridge.status")["addresses"][0].split("/")[0]
    listeners = [socket_in(node.netns, socket.AF_INET, socket.SOCK_STREAM, "", OPEN_PORT)
                 for node in (own, other)]
    at_own = socket_in(own.netns, socket.AF_INET, socket.SOCK_DGRAM, "", FASTDP_PORT)
    at_own.setblocking(False)
    at_other, at_pod = tap(other.netns, "eth0"), tap(lab.pods["b"].netns, "eth0")
    for listener in listeners:
        listener.listen(5)
    run("ip", "-n", other.netns, "address", "replace", f"{SECOND_ADDRESS}/24", "dev", "eth0")
    nodes = [gateway, own.address, other.address, SECOND_ADDRESS]
    has_way = bool(run("ip", "-n", own.netns, "route").count("default")) and lab.has_masquerade
    allowed = [(address, OPEN_PORT) for address in (nodes if has_way else nodes[:2])]
    reached = reaches(evil.netns, [(address, wire.PORT) for address in nodes] + allowed)

    sender = socket_in(evil.netns, socket.AF_INET, socket.SOCK_DGRAM, evil.address)
    forged = wire.datagram(own.peer_name, (own.peer_name, other.peer_name, frames.ethernet(
        frames.BROADCAST, "02:66:00:00:00:01", frames.LOCAL, frames.MARK)))
    for _ in range(20):
        for port in (wire.PORT, FASTDP_PORT):
            for address in nodes:
                sender.sendto(forged, (address, port))
        time.sleep(0.01)
    time.sleep(0.2)
    passed = {"datagrams on the way to another node": seen(at_other, frames.MARK),
              "forged frames at another node's pod": seen(at_pod, frames.MARK),
              "datagrams at the own node's port 6784": count_waiting(at_own)}
    for each in (sender, at_own, at_other, at_pod, *listeners):
        each.close()
    arena.note(f"reached: {', '.join(f'{a}:{p}' for a, p in sorted(reached)) or 'nothing'}; "
               + ", ".join(f"{count} {what}" for what, count in passed.items()))
    through = [f"TCP {address}:{port}" for address, port in reached if port == wire.PORT]
    through += [what for what, count in passed.items() if count]
    check(not through, f"a pod reached {', '.join(through)}")
    check(set(allowed) <= set(reached), "a pod did not reach a port of a node that is open to it")


def count_waiting(datagrams):
    count = 0
    try:
        while datagrams.recv(1 << 12):
            count += 1
    except BlockingIOError:
        return count


@scenario("pods")
def c1_ports_of_nodes(arena):
    """Pods reach no node's ports of mesh, sleeve and fastdp, masqueraded or not."""
    keep_from_nodes(arena)


@scenario("routed")
def c1_ports_with_nat_none(arena):
    """The same with nat-none."""
    keep_from_nodes(arena)


@scenario("bare")
def c1_ports_without_nat(arena):
    """The same without a NAT plugin."""
    keep_from_nodes(arena)


@scenario("pods")
def c2_invented_macs(arena):
    """Who floods the MAC table loses its own oldest entries; others are learned as before."""
    lab, node = arena.lab, arena.node(1)
    netns = plug_in(lab, node)
    try:
        port = socket_in(netns, socket.AF_PACKET, socket.SOCK_RAW)
        port.bind(("eth0", 3))
        frames.send_paced(port, (frames.ethernet(frames.BROADCAST, invented_mac(number), frames.LOCAL, b"")
                                 for number in range(100_000)))
        port.close()
        arena.memory.freeze()  # lists of so many MACs are large
        late = lab.add_pod("late", "node3")
        run("ip", "netns", "exec", late.netns, "ping", "-c", "1", "-W", "2", lab.pods["a"].address, ok=False)
        known = {node: macs(node) for node in lab.nodes}
        arena.note(", ".join(f"{node.name} knows {len(of)} MACs" for node, of in known.items()))
        wrong = [f"{node.name} does not know {pod.name}'s" for node, of in known.items()
                 for pod in lab.pods.values() if pod.node not in (node, arena.node(1))
                 and of.get(pod.link(0)) != pod.node.peer_name]
        check(not wrong, "; ".join(wrong))
    finally:
        if "late" in lab.pods:
            lab.remove_pod("late")
        run("ip", "netns", "del", netns)


def invented_mac(number):
    return f"02:77:00:{number >> 16:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"


def plug_in(lab, node):
    """A namespace on the bridge of a node that no CNI program attached."""
    netns = f"{lab.prefix}flood"
    run("ip", "netns", "add", netns)
    run("ip", "-n", node.netns, "link", "add", "flood", "type", "veth", "peer", "name", "eth0",
        "netns", netns)
    run("ip", "-n", node.netns, "link", "set", "flood", "master", "weave", "up")
    run("ip", "-n", netns, "link", "set", "eth0", "up")
    return netns


def macs(node):
    """Which peer each MAC is at, as the node believes."""
    return {entry["Mac"]: entry["Name"] for entry in node.call("dataplane.macs")}


@scenario("pods")
def c3_foreign_addresses(arena):
    """A pod's port carries its own MAC, IPv4 and IPv6 addresses only, in ARP and ND too."""
    lab, evil = arena.lab, arena.lab.pods["evil"]
    gateway = arena.node(1).call("bridge.status")["addresses"][0].split("/")[0]
    mine, c = evil.link(0), lab.pods["c"]
    port, at_c = tap(evil.netns, "eth0"), tap(c.netns, "eth0")
    claims = [frames.arp_claim(mine, mine, gateway)]
    for name in "abc":
        pod = lab.pods[name]
        claims += [frames.ethernet(frames.BROADCAST, pod.link(0), frames.LOCAL, frames.MARK),
                   frames.arp_claim(mine, mine, pod.address), frames.neighbour_claim(mine, mine, pod.link(6)),
                   frames.arp_claim(pod.link(0), mine, pod.address)]
    claims.append(frames.datagram(c.link(0), mine, c.address, lab.pods["b"].address, 7999, frames.MARK))
    deadline = time.monotonic() + 4
    while time.monotonic() < deadline:
        for claim in claims:
            port.send(claim)
        time.sleep(0.05)
    passed = seen(at_c, frames.MARK)
    port.close()
    at_c.close()
    arena.note(f"{passed} frames under the name of others arrived at an innocent pod")
    check(passed == 0, f"{passed} frames under another's MAC or IPv4 address arrived")
