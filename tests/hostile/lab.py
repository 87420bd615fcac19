"""A `weft lab` whose daemons this process starts, and what of it shows that it is whole."""

import json
import os
import re
import signal
import socket
import subprocess
import time
from pathlib import Path

from netns import inside

NODES = ("node1", "node2", "node3")
PASSWORD = "correct horse battery"
INTRUDER = "10.99.0.200"
INTRODUCTIONS = 16  # that may wait for a proof, in the lab with a password
OUTSIDE = "198.51.100.1"  # answers behind the underlay, for masqueraded traffic
REPORTS = re.compile(r"SUMMARY: \w*Sanitizer|ERROR: \w*Sanitizer|runtime error:|Assertion .* failed")


class Failure(Exception):
    """Something that did not hold."""


def check(condition, what):
    if not condition:
        raise Failure(what)


def run(*argv, ok=True, **options):
    """Runs a program to its end; its output, both streams together."""
    done = subprocess.run([str(a) for a in argv], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace", timeout=90, check=False, **options)
    check(done.returncode == 0 or not ok, f"{' '.join(map(str, argv))}: {done.stdout.strip()}")
    return done.stdout


def wait_until(holds, what, patience):
    """Seconds until `holds()` was true."""
    begin = time.monotonic()
    while not holds():
        check(time.monotonic() - begin < patience, f"{what}: not within {patience:g} s")
        time.sleep(0.02)
    return time.monotonic() - begin


def set_field(text, section, key, value):
    """`text` of a weft.toml in which `key` of `section` is `value`, and nothing else it was."""
    lines, here, done = [], None, False
    for line in text.splitlines():
        if line.startswith("["):
            here = line.strip("[] ")
        elif here == section and line.split("=")[0].strip() == key:
            continue
        lines.append(line)
        if line.startswith("[") and here == section:
            lines.append(f"{key} = {json.dumps(value)}")
            done = True
    if not done:
        lines += [f"[{section}]", f"{key} = {json.dumps(value)}"]
    return "\n".join(lines) + "\n"


class Node:
    """One namespace with a daemon."""

    def __init__(self, lab, number):
        self.lab, self.name = lab, f"node{number}"
        self.netns = f"{lab.prefix}{self.name}"
        self.peer_name = f"02:00:00:00:99:{number:02x}"
        self.address = f"10.99.0.{10 + number}"
        self.home = lab.home / self.name
        self.socket = self.home / "weft.sock"
        self.log = self.home / "weftd.log"
        self.process = None

    @property
    def pid(self):
        return self.process.pid

    def configure(self, fields):
        file = self.home / "weft.toml"
        text = file.read_text()
        for (section, key), value in fields.items():
            text = set_field(text, section, key, value)
        file.write_text(text)

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                ["ip", "netns", "exec", self.netns, self.lab.bin / "weftd", "--config",
                 self.home / "weft.toml"], stdout=log, stderr=log)

    def stop(self, how=signal.SIGTERM):
        """Ends the daemon; its exit status."""
        if self.process is None:
            return 0
        self.process.send_signal(how)
        status = self.process.wait(60)
        self.process = None
        return status

    def call(self, command, **params):
        with socket.socket(socket.AF_UNIX) as stream:
            stream.settimeout(20)
            stream.connect(str(self.socket))
            stream.sendall(json.dumps({"command": command, "params": params}).encode() + b"\n")
            answer = json.loads(stream.makefile(errors="replace").readline())
        check(answer["ok"], f"{self.name}: {command}: {answer.get('error')}")
        return answer.get("result")

    def weft(self, *argv, ok=True):
        return run(self.lab.weft, "--socket", self.socket, *argv, ok=ok)

    def metric(self, name, **labels):
        """The sum of the samples called `name` that have these labels."""
        total = 0.0
        for line in self.weft("metrics").splitlines():
            if re.match(rf"{name}[ {{]", line) and all(
                    f'{key}="{value}"' in line for key, value in labels.items()):
                total += float(line.rsplit(" ", 1)[1])
        return total

    def ring(self):
        return [(e["Token"], e["Size"], e["Peer"]) for e in self.call("ipam.status")["Entries"] or ()]

    def uid(self):
        return next(p for p in self.call("mesh.status")["Peers"] if p["Name"] == self.peer_name)["UID"]

    def fault(self):
        """What keeps this node from being part of a whole cluster; empty when nothing does."""
        try:
            return self.find_fault()
        except (OSError, ValueError, Failure) as error:
            return f"it does not answer: {error}"

    def find_fault(self):
        status, mesh = self.call("status"), self.call("mesh.status")
        if status["State"] != "ready":
            return f"its state is {status['State']}"
        if bad := [p["Name"] for p in status["Plugins"] if p["State"] != "started"]:
            return f"plugins {bad} do not run"
        honest = {node.peer_name: node.name for node in self.lab.nodes}
        known = {peer["Name"]: peer for peer in mesh["Peers"]}
        if strangers := known.keys() - honest.keys():
            return f"it still knows {len(strangers)} peers that are none"
        if missing := honest.keys() - known.keys():
            return f"it does not know {sorted(missing)}"
        if false := [p["NickName"] for p in known.values() if p["NickName"] != honest[p["Name"]]]:
            return f"it takes a peer for {false[0][:40]!r}"
        mine = {c["Name"] for c in known[self.peer_name]["Connections"] or () if c["Established"]}
        if missing := honest.keys() - mine - {self.peer_name}:
            return f"no connection to {sorted(missing)}"
        direct = {route["Dest"] for route in mesh["UnicastRoutes"]
                  if route["Via"] in (route["Dest"], "00:00:00:00:00:00")}
        if missing := honest.keys() - direct:
            return f"no direct route to {sorted(missing)}"
        addresses = self.call("ipam.status")
        if waiting := addresses.get("PendingAllocates") or addresses.get("PendingClaims"):
            return f"{len(waiting)} requests for addresses wait"
        if foreign := {e["Peer"] for e in addresses["Entries"] or ()} - honest.keys():
            return f"its ring names {sorted(foreign)}"
        return ""

    def topology(self):
        """All that it believes of the peers, comparable between nodes."""
        return {peer["Name"]: (peer["UID"], peer["Version"],
                               sorted((c["Name"], c["Established"]) for c in peer["Connections"] or ()))
                for peer in self.call("mesh.status")["Peers"]}


class Pod:
    def __init__(self, lab, name, node, address):
        self.name, self.node, self.address = name, node, address
        self.netns = f"{lab.prefix}pod-{name}"

    def link(self, family):
        """What `ip` knows of eth0: its first address of `family` (4, 6) or its MAC (0)."""
        shown = json.loads(run("ip", "-n", self.netns, "-j", "address", "show", "dev", "eth0"))[0]
        if not family:
            return shown["address"]
        return next((a["local"] for a in shown["addr_info"]
                     if a["family"] == ("inet6" if family == 6 else "inet")), None)


class Lab:
    """Three nodes on one underlay, with an intruder's namespace beside them."""

    def __init__(self, weft, name, fields=None, password=False):
        self.weft, self.bin = Path(weft).resolve(), Path(weft).resolve().parent
        self.name, self.prefix = name, f"weft-{name}-"
        self.home = Path("/run/weft-lab") / name
        self.fields, self.has_password = fields or (lambda node: {}), password
        self.underlay, self.intruder = f"{self.prefix}underlay", f"{self.prefix}intruder"
        self.nodes = [Node(self, number) for number in (1, 2, 3)]
        self.pods, self.more_flows = {}, ()

    def up(self, pods):
        """`pods`: names and the nodes they are on."""
        self.down()
        password = []
        if self.has_password:
            file = Path(f"/run/{self.name}-password")
            file.write_text(PASSWORD)
            file.chmod(0o600)
            password = ["--password-file", file]
        run(self.weft, "lab", "up", "--name", self.name, *password)
        for node in self.nodes:
            for pid in run("ip", "netns", "pids", node.netns).split():
                os.kill(int(pid), signal.SIGTERM)
        for node in self.nodes:
            wait_until(lambda: not run("ip", "netns", "pids", node.netns).split(), "weftd ends", 30)
            node.configure(self.fields(node))
            node.start()
        self.add_intruder()
        wait_until(lambda: not self.fault(), "the lab is whole", 60)
        for name, node in pods.items():
            self.add_pod(name, node)
        wait_until(lambda: not self.fault(), "the ring is one", 60)

    def add_intruder(self):
        run("ip", "netns", "add", self.intruder)
        run("ip", "-n", self.underlay, "link", "add", "intruder", "type", "veth", "peer", "name", "eth0",
            "netns", self.intruder)
        run("ip", "-n", self.underlay, "link", "set", "intruder", "master", "underlay", "up")
        for link in ("lo", "eth0"):
            run("ip", "-n", self.intruder, "link", "set", link, "up")
        for last in range(4):  # one stranger with several addresses
            run("ip", "-n", self.intruder, "address", "add", f"10.99.0.{200 + last}/24", "dev", "eth0")
        run("ip", "-n", self.intruder, "route", "add", "default", "via", "10.99.0.1")

    def add_pod(self, name, node):
        line = run(self.weft, "lab", "pod", "add", name, "--node", node, "--name", self.name)
        self.pods[name] = Pod(self, name, self.node(node), line.split()[2].split("/")[0])
        return self.pods[name]

    def remove_pod(self, name):
        run(self.weft, "lab", "pod", "del", name, "--name", self.name)
        del self.pods[name]

    def node(self, name):
        return next(node for node in self.nodes if node.name == name)

    def as_intruder(self):
        return inside(self.intruder)

    def fault(self, spares=()):
        """Why the cluster is not whole; empty when it is."""
        nodes = [node for node in self.nodes if node.name not in spares]
        for node in nodes:
            if fault := node.fault():
                return f"{node.name}: {fault}"
        for what, of in (("topology", Node.topology), ("ring", Node.ring)):
            views = [of(node) for node in nodes]
            if any(view != views[0] for view in views):
                return f"the nodes do not agree on one {what}"
        return ""

    def reports(self):
        """What sanitizers and assertions wrote into the nodes' logs."""
        return [f"{node.name}: {line.strip()[:200]}" for node in self.nodes if node.log.exists()
                for line in node.log.read_text(errors="replace").splitlines() if REPORTS.search(line)]

    def stop(self):
        """Ends the daemons, as sanitizers report leaks then; what they had to say."""
        found = []
        for node in self.nodes:
            if (status := node.stop()) not in (0, -signal.SIGTERM):
                found.append(f"{node.name}: weftd ended with status {status}")
        return found + self.reports()

    def down(self):
        for node in self.nodes:
            node.stop(signal.SIGKILL)
        if Path(f"/run/netns/{self.intruder}").exists():
            for pid in run("ip", "netns", "pids", self.intruder, ok=False).split():
                if int(pid) != os.getpid():
                    os.kill(int(pid), signal.SIGKILL)
        run(self.weft, "lab", "down", "--name", self.name, ok=False)
        Path(f"/run/{self.name}-password").unlink(missing_ok=True)
        self.pods.clear()
