"""The network that every contestant gets: nodes on one bridge, and a pod behind each of two nodes.

    pod - veth - bridge of node 1 - overlay - veth - switch - veth - overlay - bridge of node 2 - veth - pod

Namespaces, daemons and files are made here and removed at the end, whatever happens between.
"""
import argparse
import contextlib
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "interop/live"))

from lab import (  # noqa: E402, F401 - others take theirs from here, where the path is set
    Failure, Lab, Original, Weft, address_of, run, wait_established, wait_until)

POD_NETWORK = "10.41.0"
TAIL_LINES = 8  # of each log, shown when a contestant fails
# Features by which a packet could stand for several, or leave work to the device.
OFFLOAD = re.compile(r"segmentation|receive-offload|gro|checksum|^[rt]x$|scatter-gather")


def inside(netns, *argv):
    return ["ip", "netns", "exec", netns, *map(str, argv)]


class Network(Lab):
    """Nodes 1 and 2, and 3 where a relay is wanted, without daemons yet."""

    def __init__(self, options, nodes, offload):
        super().__init__(argparse.Namespace(
            weaver=options.original, weave_cni=None, bin=options.build / "bin",
            plugins=options.build / "plugins-out", keep=False, fastdp=False))
        self.prefix = f"wb{os.getpid()}-"
        self.home = self.home.rename(self.home.with_name(f"weft-bench-{self.prefix}{self.home.name[-8:]}"))
        self.count, self.offload, self.daemons, self.leftovers = nodes, offload, [], []

    def __enter__(self):
        try:
            self.add_switch()
            for index in range(1, self.count + 1):
                netns = self.plug(index)
                if not self.offload:
                    switch_offloads_off(netns, "eth0")
                    switch_offloads_off(self.switch, f"p{index}")
        except BaseException:  # an interruption too: `with` calls __exit__ only after __enter__
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for netns in self.namespaces:
            for pid in run("ip", "netns", "pids", netns, ok=False).split():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
        for process, _log in self.daemons:
            process.wait()
        for path in self.leftovers:
            path.unlink(missing_ok=True)
        super().__exit__()

    def add_switch(self):
        """A bridge without the filter of Lab: that would cost every packet something."""
        self.add_netns(self.switch)
        run("ip", "-n", self.switch, "link", "add", "br0", "type", "bridge")
        run("ip", "-n", self.switch, "link", "set", "br0", "up")

    def separate(self, a, b):
        """Nothing passes between the nodes `a` and `b` any more, except by another node."""
        one, other = address_of(a), address_of(b)
        run("ip", "netns", "exec", self.switch, "nft",
            "add table bridge cut; add chain bridge cut forward { type filter hook forward priority 0; }; "
            f"add rule bridge cut forward ip saddr {one} ip daddr {other} drop; "
            f"add rule bridge cut forward ip saddr {other} ip daddr {one} drop")

    def netns(self, index):
        return f"{self.prefix}{index}"

    def spawn(self, index, *argv, **environment):
        """Starts a daemon on a node; its log is shown if the contestant fails."""
        log = self.home / f"{index}-{Path(argv[0]).name}.log"
        with open(log, "wb") as out:
            process = subprocess.Popen(inside(self.netns(index), *argv), cwd=self.home, stdout=out, stderr=out,
                                       stdin=subprocess.DEVNULL, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
                                                                      **environment})
        self.daemons.append((process, log))

    def pids(self):
        return [process.pid for process, _log in self.daemons] + [node.pid() for node in self.nodes.values()]

    def check_alive(self):
        """Failure when a daemon has ended by itself."""
        for process in [process for process, _log in self.daemons] + [n.process for n in self.nodes.values()]:
            if process is not None and process.poll() is not None:
                raise Failure(f"{' '.join(process.args[4:6])} ended by itself with {process.returncode}")

    def log_tails(self):
        """The last lines of every daemon's log."""
        lines = []
        for log in [log for _process, log in self.daemons] + [node.log for node in self.nodes.values()]:
            if log.exists():
                lines += [f"{log.relative_to(self.home)}: {line}"
                          for line in log.read_text(errors="replace").splitlines()[-TAIL_LINES:]]
        return lines

    def wait_device(self, index, device):
        """Until the daemon on the node has made its network device."""
        def is_there():
            self.check_alive()
            return device in run("ip", "-n", self.netns(index), "-br", "link", "show", "dev", device, ok=False).split()
        wait_until(is_there, f"device {device} on node {index}", 15)

    def add_pod(self, index, subnet, mtu):
        """A pod with `subnet`.(index)/24 on a bridge of its node: its namespace and address."""
        node, pod = self.netns(index), f"{self.prefix}pod{index}"
        self.add_netns(pod)
        run("ip", "-n", node, "link", "add", "pods", "mtu", mtu, "type", "bridge")
        run("ip", "link", "add", "eth0", "netns", pod, "type", "veth", "peer", "name", "pod", "netns", node)
        run("ip", "-n", node, "link", "set", "pod", "mtu", mtu, "master", "pods", "up")
        run("ip", "-n", node, "link", "set", "pods", "up")
        run("ip", "-n", pod, "link", "set", "eth0", "mtu", mtu, "up")
        address = f"{subnet}.{index}"
        run("ip", "-n", pod, "addr", "add", f"{address}/24", "dev", "eth0")
        return pod, address

    def bridge_pod(self, index, device, mtu):
        """A pod whose bridge has the overlay's device as a port."""
        pod = self.add_pod(index, POD_NETWORK, mtu)
        run("ip", "-n", self.netns(index), "link", "set", device, "mtu", mtu, "master", "pods", "up")
        return pod

    def route_pod(self, index, device, mtu):
        """A pod for overlays that carry packets, not frames: node `index` routes its 10.42.`index`.0/24."""
        node, subnet = self.netns(index), f"10.42.{index}"
        pod, address = self.add_pod(index, subnet, mtu)
        run("ip", "-n", node, "addr", "add", f"{subnet}.254/24", "dev", "pods")
        run("ip", "-n", pod, "route", "add", "default", "via", f"{subnet}.254")
        run("ip", "-n", node, "link", "set", device, "mtu", mtu, "up")
        run("ip", "-n", node, "route", "replace", f"10.42.{3 - index}.0/24", "dev", device)
        run(*inside(node, "sysctl", "-qw", "net.ipv4.ip_forward=1"))
        return pod, address

    def link_bytes(self, index):
        """Bytes that the switch took from the node and gave it, so far."""
        text = run(*inside(self.switch, "cat", f"/sys/class/net/p{index}/statistics/rx_bytes",
                           f"/sys/class/net/p{index}/statistics/tx_bytes"))
        return tuple(map(int, text.split()))


def offloads(netns, device):
    """Names of the offloads that are on and could be off."""
    lines = run(*inside(netns, "ethtool", "-k", device)).splitlines()
    features = dict(line.strip().split(": ", 1) for line in lines if ": " in line)
    return [name for name, state in features.items() if state == "on" and OFFLOAD.search(name)]


def switch_offloads_off(netns, device):
    """Failure when one stays on that would let a packet stand for several."""
    run(*inside(netns, "ethtool", "-K", device, *(word for name in offloads(netns, device) for word in (name, "off"))))
    if left := offloads(netns, device):
        raise Failure(f"cannot switch off on {device}: {', '.join(left)}")
