"""What a flood of worthless datagrams leaves of one TCP stream.

Each is measured at sleeve's port and at one where nobody listens. The latter costs the machine's cores
and the kernel's network nearly the same, so that their ratio is what sleeve makes of the flood. What a
machine of few cores has left beside a flood at all, the ratio to the stream alone shows.
"""
import os
import statistics
import subprocess
import sys

from measure import PATIENCE, process, rate, transfer
from network import HERE, Failure, address_of, inside, run, switch_offloads_off
from sleeve import Sleeve, SleeveEncrypted
from targets import marked

PEER, VICTIM, STRANGER = 1, 2, 3  # nodes; the last one runs nothing but the flood
PORT, NOBODYS_PORT = 6783, 6999
SMALL = 100  # bytes
NAME_BYTES = 6  # a datagram begins with the name of its sender
FRAME = 60  # bytes
WANTED = 0.8
FLOODER = [sys.executable, HERE / "flooder.py"]


class Flooded(Sleeve):
    nodes = STRANGER

    def path(self):
        """The stranger has the peer's address, too, without telling anybody."""
        netns = self.network.netns(STRANGER)
        switch_offloads_off(netns, "eth0")  # datagrams leave it one by one
        for name in ("all", "eth0"):
            run(*inside(netns, "sysctl", "-qw", f"net.ipv4.conf.{name}.arp_ignore=8"))
        run("ip", "-n", netns, "addr", "add", f"{address_of(PEER)}/32", "dev", "eth0")
        mac = run(*inside(self.network.netns(VICTIM), "cat", "/sys/class/net/eth0/address")).strip()
        run("ip", "-n", netns, "neigh", "replace", address_of(VICTIM), "lladdr", mac, "dev", "eth0")
        return super().path()

    def floods(self, path):
        """By name: the address they come from, and the datagram that is repeated."""
        name = bytes.fromhex(self.network.nodes[PEER].name.replace(":", ""))
        forged = name + os.urandom(SMALL - NAME_BYTES)
        return {"unknown sender": (STRANGER, os.urandom(SMALL)),
                "peer's name": (STRANGER, forged),
                "peer's name and address": (PEER, forged),
                **self.plausible(path, name)}

    def plausible(self, path, name):
        """Made by somebody who knows what a peer's datagrams are like."""
        record = name + os.urandom(NAME_BYTES) + FRAME.to_bytes(2, "big") + os.urandom(FRAME)  # for nobody
        rest = SMALL - NAME_BYTES - len(record)
        return {"with a first record that fits": (PEER, name + record + os.urandom(rest)),
                "that is well formed": (PEER, name + record)}


class FloodedEncrypted(Flooded):
    password = SleeveEncrypted.password

    def plausible(self, path, name):
        replayed = self.captured(path)
        word = int.from_bytes(replayed[NAME_BYTES:NAME_BYTES + 8], "big")

        def ahead(by):
            return name + (word + by).to_bytes(8, "big") + os.urandom(SMALL - NAME_BYTES - 8)

        return {"replayed": (STRANGER, replayed), "replayed with the peer's address": (PEER, replayed),
                "with a number far from the peer's": (PEER, ahead(1 << 39)),
                "with a number just ahead of the peer's": (PEER, ahead(1 << 24))}

    def captured(self, path):
        with process(*inside(self.network.switch, *FLOODER, "capture", f"p{PEER}", PORT),
                     stdout=subprocess.PIPE) as watch:
            if watch.stdout.readline() != "ready\n":
                raise Failure("cannot capture datagrams")
            run(*inside(path.source, "ping", "-n", "-c", 1, "-s", SMALL, path.target))
            return bytes.fromhex(watch.communicate(timeout=PATIENCE)[0])


CONTESTANTS = {"sleeve": Flooded, "sleeve-encrypted": FloodedEncrypted}


def remaining(options, say):
    """By contestant and flood: medians of the parts that the stream keeps, `of_flood_elsewhere` and `of_stream_alone`."""
    return {name: under_floods(kind(name, options, offload=True), options, say) for name, kind in CONTESTANTS.items()}


def under_floods(contestant, options, say):
    network = contestant.network
    with network:
        path = contestant.path()
        floods = contestant.floods(path)
        kept = {flood: [] for flood in floods}
        for _ in range(options.runs):
            alone = rate(transfer(path, "tcp", 1, options.seconds))
            for flood, (source, datagram) in floods.items():
                elsewhere, here = (flooded(network, path, source, datagram, port, options.seconds)
                                   for port in (NOBODYS_PORT, PORT))
                kept[flood].append((here / elsewhere, here / alone))
                say(f"{contestant.name}, {flood}: {here:,.0f} Mbit/s, {elsewhere:,.0f} with it elsewhere, "
                    f"{alone:,.0f} without it")
        network.check_alive()
    return {flood: dict(zip(("of_flood_elsewhere", "of_stream_alone"), map(statistics.median, zip(*parts))))
            for flood, parts in kept.items()}


def flooded(network, path, source, datagram, port, seconds):
    """What the stream reaches meanwhile, in Mbit/s."""
    with process(*inside(network.netns(STRANGER), *FLOODER, "send", address_of(source), address_of(VICTIM), port,
                         datagram.hex())):
        return rate(transfer(path, "tcp", 1, seconds))


def lines(remaining_parts):
    """For people: a line each, and whether it is what is wanted."""
    for name, floods in remaining_parts.items():
        for flood, kept in floods.items():
            yield marked(kept["of_flood_elsewhere"] >= WANTED, f"{name}, flood {flood}: {kept['of_flood_elsewhere']:.2f} "
                         f"of the speed under the same flood of a closed port, at least {WANTED} wanted; "
                         f"{kept['of_stream_alone']:.2f} of the stream alone")
