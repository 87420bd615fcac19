"""What a flood of worthless datagrams leaves of one TCP stream.

Each is measured twice: at sleeve's port, and at one where nobody listens. The latter costs the machine's
cores and the kernel's network nearly the same, so that their ratio is what sleeve makes of the flood.
"""
import os
import statistics
import subprocess
import sys

from measure import PATIENCE, process, rate, transfer
from network import HERE, Failure, address_of, inside, run, switch_offloads_off
from sleeve import Sleeve, SleeveEncrypted

PEER, VICTIM, STRANGER = 1, 2, 3  # nodes; the last one runs nothing but the flood
PORT, NOBODYS_PORT = 6783, 6999
SMALL = 100  # bytes
NAME_BYTES = 6  # a datagram begins with the name of its sender
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
                "peer's name and address": (PEER, forged)}


class FloodedEncrypted(Flooded):
    password = SleeveEncrypted.password

    def floods(self, path):
        replayed = self.captured(path)
        return {**super().floods(path), "replayed": (STRANGER, replayed),
                "replayed with the peer's address": (PEER, replayed)}

    def captured(self, path):
        with process(*inside(self.network.switch, *FLOODER, "capture", f"p{PEER}", PORT),
                     stdout=subprocess.PIPE) as watch:
            if watch.stdout.readline() != "ready\n":
                raise Failure("cannot capture datagrams")
            run(*inside(path.source, "ping", "-n", "-c", 1, "-s", SMALL, path.target))
            return bytes.fromhex(watch.communicate(timeout=PATIENCE)[0])


CONTESTANTS = {"sleeve": Flooded, "sleeve-encrypted": FloodedEncrypted}


def remaining(options, say):
    """By contestant and flood: the medians of what the stream reaches under it, as a part of what it
    reaches under the same flood elsewhere."""
    return {name: under_floods(kind(name, options, offload=True), options, say) for name, kind in CONTESTANTS.items()}


def under_floods(contestant, options, say):
    network = contestant.network
    with network:
        path = contestant.path()
        floods = contestant.floods(path)
        ratios = {flood: [] for flood in floods}
        for _ in range(options.runs):
            for flood, (source, datagram) in floods.items():
                both = {}
                for port in (NOBODYS_PORT, PORT):
                    with process(*inside(network.netns(STRANGER), *FLOODER, "send", address_of(source),
                                         address_of(VICTIM), port, datagram.hex())):
                        both[port] = rate(transfer(path, "tcp", 1, options.seconds))
                ratios[flood].append(both[PORT] / both[NOBODYS_PORT])
                say(f"{contestant.name}, {flood}: {both[PORT]:,.0f} Mbit/s, {both[NOBODYS_PORT]:,.0f} with it elsewhere")
        network.check_alive()
    return {flood: statistics.median(each) for flood, each in ratios.items()}
