"""The matrix. Each case gets an empty Lab and returns lines worth reading."""

import ipaddress
import re
import signal
import time

from hostile import INSIDERS, STRANGERS
from lab import HERE, Original, Weft, check, peer_name, run, wait_established, wait_until

PASSWORD = "wFvAEBpCBMrgDJQ5"
LARGE_MTU = 65485  # weft's largest; originals without fastdp give their pods 65535
SECRETS = (None, PASSWORD)


def label(password):
    return "encrypted" if password else "in clear"


def pair(lab, password=None, weft_dials=True, kind=Weft, **weft):
    """An original as node 1 and a weft node as node 2, connected."""
    theirs = lab.start(Original, 1, password, [] if weft_dials else [2])
    ours = lab.start(kind, 2, password, [1] if weft_dials else [], **weft)
    if not weft_dials:
        theirs.connect("10.99.0.2")
    took = wait_established(theirs, ours)
    return theirs, ours, took


# --- connections ---------------------------------------------------------------------------------

def dial(lab, weft_dials, password):
    theirs, ours, took = pair(lab, password, weft_dials)
    wait_until(lambda: "Effective MTU verified at" in theirs.log_text(), "their MTU search", 10)
    wait_until(lambda: "effective MTU verified" in ours.log_text(), "our MTU search", 10)
    seen = [c for c in theirs.router()["Connections"] if c["State"] == "established"]
    check(len(seen) == 1 and seen[0]["Outbound"] != weft_dials, f"their connections: {seen}")
    mtu = 1414 if password else 1438
    check(seen[0]["Attrs"]["mtu"] == mtu, f"their MTU: {seen[0]}")
    own = [c for c in ours.router()["Connections"] if c["State"] == "established"]
    check(len(own) == 1 and own[0]["Attrs"]["mtu"] == mtu, f"our connections: {own}")
    check(bool(own[0]["Attrs"].get("encrypted")) == bool(password), f"our encryption: {own}")
    return [f"established in {took:.2f} s; they say {seen[0]['Info']} {seen[0]['Attrs']}",
            f"we say {own[0]['Info']} {own[0]['Attrs']}"]


def trusted(lab, both):
    """Frames go in clear when both sides trust the underlay, and not when one does."""
    theirs = lab.start(Original, 1, PASSWORD, trusting=True)
    ours = lab.start(Weft, 2, PASSWORD, [1], trusting=both)
    wait_established(theirs, ours)
    mtu = 1438 if both else 1414
    wait_until(lambda: f"Effective MTU verified at {mtu}" in theirs.log_text(), f"MTU {mtu}", 10)
    a, b = theirs.add_pod("a"), ours.add_pod("b")
    said = exchange(a, b, (56, 1300), (("tcp", 4 << 20),))
    info = next(c for c in theirs.router()["Connections"] if c["State"] == "established")
    return [f"they say {info['Info']} {info['Attrs']}"] + said


def replaced_connection(lab, kind=Weft):
    """An original told host:port goes on dialling a peer that reached it from another port, until
    the connection that it dialled has the smaller id and wins. A new sleeve connection needs a
    heartbeat first, every 0.5 s: pods lose no more than that, as between originals."""
    theirs, ours, _ = pair(lab, kind=kind)
    a, b = theirs.add_pod("a"), ours.add_pod("b")
    a.run("ping", "-c", "1", "-W", "3", b.ip, ok=False)
    ping = a.start("ping", "-q", "-i", "0.05", "-W", "1", b.ip)  # 20 per second

    def is_replaced():
        theirs.connect("10.99.0.2:6783")  # dials at once, whatever its back-off says
        time.sleep(0.2)
        return any(c["Outbound"] for c in theirs.router()["Connections"]
                   if c["State"] == "established")
    took = wait_until(is_replaced, "a connection that they dialled wins", 120)
    wait_established(theirs, ours)
    time.sleep(2)
    lost = finish_ping(ping, most_lost=15)
    duplicates = ours.log_text().count("reason=duplicate")
    return [f"replaced after {took:.1f} s and {duplicates} duplicates; pods: {lost}"]


def finish_ping(ping, most_lost):
    """Ends a ping that ran along; its summary."""
    ping.send_signal(signal.SIGINT)
    summary = next(line for line in ping.communicate(timeout=10)[0].splitlines()
                   if "packet loss" in line)
    sent, received = map(int, re.findall(r"(\d+) (?:packets transmitted|received)", summary))
    check(sent - received <= most_lost, f"pods noticed: {summary}")
    return summary


def discovery(lab):
    """A chain of dialled peers becomes a full mesh: each kind finds the other by topology news."""
    nodes = [lab.start(Original, 1, init="consensus=4"),
             lab.start(Weft, 2, peers=[1], init="consensus=4"),
             lab.start(Original, 3, peers=[2], init="consensus=4"),
             lab.start(Weft, 4, peers=[3], init="consensus=4")]
    took = wait_established(*nodes)
    wait_until(lambda: len({fingerprint(n) for n in nodes}) == 1, "equal topology everywhere", 20)
    return [f"1 <- 2 <- 3 <- 4 became a full mesh after {took:.1f} s; topology equal on all"]


def wrong_password(lab):
    theirs = lab.start(Original, 1, PASSWORD)
    ours = lab.start(Weft, 2, "another", [1])
    wait_until(lambda: "reason=undecryptable" in ours.log_text()
               or "Unable to decrypt" in theirs.log_text(), "refusal", 15)
    check(not ours.established() and not theirs.established(), "connected with wrong passwords")
    said = grep(theirs, "decrypt", most=1) + grep(ours, "reason=", most=1)
    lab.start(Weft, 2, None, [1])
    wait_until(lambda: "password specified, but peer requested an unencrypted connection"
               in theirs.log_text(), "refusal of clear text", 15)
    return said + grep(theirs, "password specified", most=1) + grep(lab.nodes[2], "reason=", most=1)


def grep(node, *words, most=3):
    lines = [line for line in node.log_text().splitlines() if any(w in line for w in words)]
    return [f"{node.kind}: {line}" for line in lines[:most]]


# --- pods ----------------------------------------------------------------------------------------

PINGS = (56, 1300, 4000)
TRANSFERS = (("tcp", 4 << 20), ("udp", 1000), ("udp", 20000), ("udp", 60000))


def exchange(a, b, pings=PINGS, transfers=TRANSFERS):
    """Every kind of traffic from pod a to pod b and back."""
    said = []
    for source, target in ((a, b), (b, a)):
        way = f"{source.node.kind} -> {target.node.kind}"
        source.run("ping", "-c", "1", "-W", "3", target.ip, ok=False)  # ARP, flows
        for size in pings:
            text = source.run("ping", "-q", "-M", "dont", "-c", "5", "-i", "0.2", "-W", "2", "-s",
                              size, target.ip, ok=False)
            check(" 5 received" in text, f"{way}: ping of {size}: {text}")
        server = target.start("python3", HERE / "probe.py", "serve", 5001)
        try:
            check(server.stdout.readline() == "ready\n", "the server starts")
            for what, count in transfers:
                text = source.run("python3", HERE / "probe.py", what, target.ip, 5001, count)
                said.append(f"{way}: {what} {text.strip()}")
        finally:
            server.kill()
            server.wait()
        said.append(f"{way}: ping of {', '.join(map(str, pings))}: 5 of 5 each")
    return said


def too_big(source, target, mtu):
    """A DF packet above the overlay's MTU is answered, and one of just its size passes."""
    way = f"{source.node.kind} -> {target.node.kind}"
    source.run("ip", "route", "flush", "cache")
    text = source.run("ping", "-c", "2", "-i", "0.3", "-W", "1", "-M", "do", "-s", 3000,
                      target.ip, ok=False)
    check(f"mtu = {mtu}" in text or f"mtu={mtu}" in text, f"{way}: no ICMP at {mtu}: {text}")
    text = source.run("ping", "-q", "-c", "2", "-i", "0.2", "-W", "1", "-M", "do", "-s", mtu - 28,
                      target.ip, ok=False)
    check(" 2 received" in text, f"{way}: DF packet of {mtu}: {text}")
    return [f"{way}: DF of 3028 answered with mtu {mtu}; DF of {mtu} passes"]


def broadcast(source, target):
    way = f"{source.node.kind} -> {target.node.kind}"
    target.run("sysctl", "-qw", "net.ipv4.icmp_echo_ignore_broadcasts=0")
    text = source.run("ping", "-b", "-c", "3", "-i", "0.3", "-W", "2", "10.47.255.255", ok=False)
    check(f"from {target.ip}" in text, f"{way}: broadcast: {text}")
    source.run("ip", "neigh", "flush", "all")
    text = source.run("ping", "-q", "-c", "1", "-W", "2", target.ip, ok=False)
    check(" 1 received" in text, f"{way}: ARP: {text}")
    return [f"{way}: broadcast answered; ARP resolves anew"]


def pods(lab, password):
    theirs, ours, _ = pair(lab, password, pod_mtu=LARGE_MTU)
    a, b = theirs.add_pod("a"), ours.add_pod("b")
    check(a.address != b.address, f"both got {a.address}")
    said = [f"{label(password)}: a {a.address} on theirs, b {b.address} on ours"]
    said += exchange(a, b)
    for source, target in ((a, b), (b, a)):
        said += too_big(source, target, 1414 if password else 1438)
        said += broadcast(source, target)
    return said


def pods_of_different_mtu(lab):
    """Weft's pods keep 1376 beside 65535: TCP agrees on a segment size, ping fits."""
    theirs, ours, _ = pair(lab)
    a, b = theirs.add_pod("a"), ours.add_pod("b")
    said = exchange(a, b, (56, 1300), (("tcp", 4 << 20), ("udp", 1000)))
    a.run("ping", "-q", "-M", "dont", "-c", "2", "-W", "1", "-s", 4000, b.ip, ok=False)
    dropped = next(line for line in ours.metrics().splitlines()
                   if line.startswith("weft_bridge_written_oversized_total"))
    check(not dropped.endswith(" 0"), f"packets that do not fit are not counted: {dropped}")
    return said + [dropped]


# --- relays --------------------------------------------------------------------------------------

def line(lab, kinds, password=None, pods_too=True):
    """1 - 2 - 3, the ends cut from each other. Returns routes by position."""
    for index in (1, 3):
        lab.plug(index)
    lab.cut(1, 3)
    nodes = [lab.start(kinds[0], 1, password, init="consensus=3", pod_mtu=LARGE_MTU),
             lab.start(kinds[1], 2, password, [1], "consensus=3", pod_mtu=LARGE_MTU),
             lab.start(kinds[2], 3, password, [2], "consensus=3", pod_mtu=LARGE_MTU)]
    first, middle, last = nodes
    wait_established(first, middle)
    wait_established(middle, last)
    said = []
    wait_until(lambda: len({fingerprint(n) for n in nodes}) == 1, "equal topology everywhere", 20)
    wait_until(lambda: first.routes()[0].get(last.name) == middle.name
               and last.routes()[0].get(first.name) == middle.name, "routes by the middle", 10)
    said.append(f"topology equal on {', '.join(n.kind for n in nodes)}")
    if pods_too:
        a, b = first.add_pod("a"), last.add_pod("b")
        said += exchange(a, b) + broadcast(a, b) + broadcast(b, a)
    return said, [n.routes() for n in nodes]


def fingerprint(node):
    return tuple(sorted(
        (p["Name"], p["NickName"], p["UID"], p["ShortID"], p["Version"],
         tuple(sorted((c["Name"], c["NickName"], c["Address"], c["Outbound"], c["Established"])
                      for c in p["Connections"] or [])))
        for p in node.topology()))


def relay(lab, kinds, password=None):
    said, routes = line(lab, kinds, password)
    # What three originals say in the same line, by position: case reference-line.
    one, two, three = map(peer_name, (1, 2, 3))
    nowhere = "00:00:00:00:00:00"
    expected = [({one: nowhere, two: two, three: two}, {one: [two], two: [], three: []}),
                ({one: one, two: nowhere, three: three},
                 {one: [three], two: [one, three], three: [one]}),
                ({one: two, two: two, three: nowhere}, {one: [], two: [], three: [two]})]
    for index, (has, wants) in enumerate(zip(routes, expected), 1):
        check(has == wants, f"routes of node {index}: {has}, expected {wants}")
    return said + ["routes equal to those of three originals"]


# --- addresses -----------------------------------------------------------------------------------

def same_ring(*nodes, patience=40):
    """Versions move with each free-count report, so this waits for gossip to settle."""
    took = wait_until(lambda: len({str(n.ring()) for n in nodes}) == 1, "rings equal", patience)
    return [f"rings equal after {took:.1f} s: {nodes[0].ring()}"]


def owners(node):
    return {entry[2] for entry in node.ring()}


def distinct(addresses):
    check(len(set(addresses)) == len(addresses), f"duplicate address: {addresses}")
    return f"{len(addresses)} distinct addresses: {' '.join(addresses)}"


def consensus(lab):
    theirs, ours, _ = pair(lab)
    ours.prime()
    addresses = [node.allocate(f"c{i}") for i in range(5) for node in (theirs, ours)]
    check(owners(ours) == {theirs.name, ours.name}, f"ring: {ours.ring()}")
    return [distinct(addresses)] + same_ring(theirs, ours)


def consensus_by_original(lab):
    theirs, ours, _ = pair(lab, weft_dials=False)
    theirs.prime()
    addresses = [node.allocate(f"c{i}") for i in range(5) for node in (ours, theirs)]
    return [distinct(addresses)] + same_ring(theirs, ours)


def join(lab, first, second):
    """A ring exists; a newcomer joins it, asks for space, then is asked itself."""
    old = lab.start(first, 1, init=f"seed={peer_name(1)}")
    addresses = [old.allocate("a0"), old.allocate("a1")]
    check(owners(old) == {old.name}, f"ring: {old.ring()}")
    new = lab.start(second, 2, peers=[1], init="observer")
    wait_established(old, new)
    begin = time.monotonic()
    addresses.append(new.allocate("b0"))
    said = [f"{second.kind} got its first address after {time.monotonic() - begin:.2f} s"]
    check(owners(old) == {old.name, new.name}, f"ring: {old.ring()}")
    addresses += [node.allocate(f"x{i}") for i in range(4) for node in (old, new)]
    # A claim inside the other's space takes a donation of one address, in both directions.
    for taker, giver in ((new, old), (old, new)):
        largest = max((e for e in giver.ring() if e[2] == giver.name), key=lambda e: e[1])
        wanted = ipaddress.ip_address(largest[0]) + 200
        taker.claim("claimed", f"{wanted}/12")
        said.append(f"{taker.kind} claimed {wanted} from {giver.kind}")
        addresses.append(f"{wanted}/12")
    said.append(distinct(addresses))
    return said + same_ring(old, new)


def restart_keeps_ring(lab):
    theirs, ours, _ = pair(lab)
    addresses = [n.allocate(f"c{i}") for i in range(3) for n in (theirs, ours)]
    same_ring(theirs, ours)
    before = [(e[0], e[2]) for e in ours.ring()]
    ours.kill()
    ours = lab.start(Weft, 2, peers=[1], keep_state=True)
    check([(e[0], e[2]) for e in ours.ring()] == before, f"ring after restart: {ours.ring()}")
    took = wait_established(theirs, ours)
    addresses += [n.allocate(f"d{i}") for i in range(3) for n in (theirs, ours)]
    return [f"ring kept by kill -9 and restart; established again after {took:.2f} s",
            distinct(addresses)] + same_ring(theirs, ours)


def take_over(lab, leaver):
    """A node is gone for good; the other takes its ranges and goes on with them."""
    theirs, ours, _ = pair(lab)
    addresses = [n.allocate(f"c{i}") for i in range(3) for n in (theirs, ours)]
    gone, heir = (theirs, ours) if leaver is Original else (ours, theirs)
    gone.kill()
    wait_until(lambda: not heir.established(), "the other notices")
    said = heir.take_over(gone.name)
    check(owners(heir) == {heir.name}, f"ring: {heir.ring()}")
    back = lab.start(leaver, gone.index, peers=[heir.index])  # new, with nothing remembered
    wait_established(heir, back)
    # What the dead one's pods had is free again by the operator's word.
    addresses = [a for i, a in enumerate(addresses) if (i % 2 == 0) == (heir is theirs)]
    addresses += [n.allocate(f"d{i}") for i in range(3) for n in (heir, back)]
    return [said, distinct(addresses)] + same_ring(heir, back)


# --- failures ------------------------------------------------------------------------------------

def restarts(lab):
    theirs, ours, _ = pair(lab)
    said = []
    for victim, kind, peers in ((theirs, Original, [2]), (ours, Weft, [1])):
        for how in (signal.SIGKILL, signal.SIGTERM):
            other = lab.nodes[3 - victim.index]
            lab.nodes[victim.index].kill(how)
            gone = wait_until(lambda: not other.established(), "the other notices", 70)
            back = lab.start(kind, victim.index, peers=peers, keep_state=True)
            took = wait_established(other, back, patience=60)
            said.append(f"{kind.kind} ended by {how.name}: noticed after {gone:.2f} s, "
                        f"established {took:.2f} s after its start")
    return said


def black_hole(lab):
    theirs, ours, _ = pair(lab)
    lab.cut(1, 2)
    begin = time.monotonic()
    seen = {}

    def all_noticed():
        for node in (theirs, ours):
            if node.kind not in seen and not node.established():
                seen[node.kind] = time.monotonic() - begin
        return len(seen) == 2
    wait_until(all_noticed, "silence noticed by both", 90)
    lab.heal(1, 2)
    took = wait_established(theirs, ours, patience=60)
    return ([f"silent cut noticed: {kind} after {s:.1f} s" for kind, s in seen.items()]
            + [f"established again {took:.1f} s after healing"] + grep(ours, "connection ended"))


def black_hole_between_wefts(lab):
    """An original watches: only the pair that is cut notices, and it reroutes by the original."""
    theirs = lab.start(Original, 1, init="consensus=3")
    a = lab.start(Weft, 2, peers=[1], init="consensus=3")
    b = lab.start(Weft, 3, peers=[1, 2], init="consensus=3")
    wait_established(theirs, a, b)
    begin = time.monotonic()
    lab.cut(2, 3)
    wait_until(lambda: b.name not in a.established() and a.name not in b.established(),
               "silence between wefts", 10)
    noticed = time.monotonic() - begin
    wait_until(lambda: a.routes()[0].get(b.name) == theirs.name
               and b.routes()[0].get(a.name) == theirs.name, "reroute by the original", 10)
    rerouted = time.monotonic() - begin
    check(noticed < 1.2, f"silence noticed after {noticed:.2f} s")
    check(theirs.name in a.established() and theirs.name in b.established(), "the original is lost")
    return [f"noticed by both wefts after {noticed:.2f} s, rerouted by the original after "
            f"{rerouted:.2f} s"]


def uid_of(peer, seen_by):
    return next(p["UID"] for p in seen_by.topology() if p["Name"] == peer.name)


def hostile(lab, attacks, password):
    theirs, ours, _ = pair(lab, password)
    a, b = theirs.add_pod("a"), ours.add_pod("b")
    lab.plug(9)
    ping = a.start("ping", "-i", "0.2", "-W", "1", b.ip)
    uid = uid_of(theirs, ours)
    ended = ours.router()["TerminationCount"]
    said = []
    for attack in attacks:
        mark = len(ours.log_text())
        text = run("ip", "netns", "exec", f"{lab.prefix}9", "python3", HERE / "hostile.py", attack,
                   "10.99.0.2", timeout=90)
        wait_until(lambda: "reason=" in ours.log_text()[mark:], f"{attack}: a reason in the log")
        reason = next(l for l in ours.log_text()[mark:].splitlines() if "reason=" in l)
        said.append(f"{attack}: {text.strip()}; {reason.split(' ', 1)[1]}")
    said.append(f"pods meanwhile: {finish_ping(ping, most_lost=0)}")
    check(theirs.name in ours.established(), "the original is lost")
    check(uid == uid_of(theirs, ours), "the original was lost meanwhile")
    said.append(f"terminations counted: {ours.router()['TerminationCount'] - ended}")
    return said + [line for line in ours.metrics().splitlines()
                   if "gossip" in line and "reason=" in line and not line.endswith(" 0")]


CASES = dict(
    [(f"dial-{who}-{label(p).split()[-1]}",
      lambda lab, w=who == "weft", p=p: dial(lab, w, p))
     for who in ("weft", "original") for p in SECRETS]
    + [("wrong-password", wrong_password),
       ("trusted-by-both", lambda lab: trusted(lab, True)),
       ("trusted-by-one", lambda lab: trusted(lab, False)),
       ("replaced-connection", replaced_connection),
       ("reference-replaced", lambda lab: replaced_connection(lab, Original)),
       ("discovery", discovery)]
    + [(f"pods-{label(p).split()[-1]}", lambda lab, p=p: pods(lab, p)) for p in SECRETS]
    + [("pods-different-mtu", pods_of_different_mtu),
       ("relay-by-original", lambda lab: relay(lab, (Weft, Original, Weft))),
       ("relay-by-weft", lambda lab: relay(lab, (Original, Weft, Original))),
       ("relay-by-weft-encrypted", lambda lab: relay(lab, (Original, Weft, Original), PASSWORD)),
       ("reference-line", lambda lab: relay(lab, (Original, Original, Original))),
       ("ipam-consensus", consensus),
       ("ipam-consensus-by-original", consensus_by_original),
       ("ipam-weft-joins", lambda lab: join(lab, Original, Weft)),
       ("ipam-original-joins", lambda lab: join(lab, Weft, Original)),
       ("ipam-restart", restart_keeps_ring),
       ("ipam-weft-gone", lambda lab: take_over(lab, Weft)),
       ("ipam-original-gone", lambda lab: take_over(lab, Original)),
       ("restarts", restarts),
       ("hostile-strangers", lambda lab: hostile(lab, STRANGERS, PASSWORD)),
       ("hostile-insiders", lambda lab: hostile(lab, INSIDERS, None)),
       ("black-hole-wefts", black_hole_between_wefts),
       ("black-hole", black_hole)])
