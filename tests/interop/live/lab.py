"""A small network of namespaces with Weave Net routers, weft nodes and pods in it.

Node i is 10.99.0.i, peer name 02:00:00:00:99:0i, whatever runs there. All nodes hang on one
bridge in a namespace of its own, where links between nodes are cut and healed.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
UNIVERSE = "10.32.0.0/12"
UNDERLAY = "10.99.0.0/24"
PLUGINS = ["gossip", "ipam", "sleeve", "bridge", "nat-nft", "cni"]


class Failure(Exception):
    """A check that did not hold."""


def check(condition, what):
    if not condition:
        raise Failure(what)


def run(*argv, timeout=60, ok=True, **options):
    """Runs a program to its end; its output, both streams together."""
    done = subprocess.run([str(a) for a in argv], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace",
                          timeout=timeout, check=False, **options)
    if ok and done.returncode != 0:
        raise Failure(f"{' '.join(map(str, argv))}: exit {done.returncode}: {done.stdout.strip()}")
    return done.stdout


def wait_until(holds, what, patience=30.0):
    """Seconds until `holds()` was true."""
    begin = time.monotonic()
    while not holds():
        check(time.monotonic() - begin < patience, f"{what}: not within {patience:g} s")
        time.sleep(0.05)
    return time.monotonic() - begin


def peer_name(index):
    return f"02:00:00:00:99:{index:02x}"


def address_of(index):
    return f"10.99.0.{index}"


class Node:
    """What an original and a weft node have in common: a namespace, a process, its log."""

    pod_mtu = None  # weft only: where its pods must match those of an original without fastdp
    log_level = "debug"  # weft only
    trusting = False  # whether it trusts the underlay: frames in clear when both sides do

    def __init__(self, lab, index, password, peers, init, keep_state):
        self.lab, self.index, self.name = lab, index, peer_name(index)
        self.password, self.peers, self.init = password, peers, init
        self.netns = f"{lab.prefix}{index}"
        self.home = lab.home / str(index)
        if not keep_state:
            shutil.rmtree(self.home, ignore_errors=True)
        self.home.mkdir(exist_ok=True)
        self.log = self.home / "log"
        self.process = None

    def start_process(self, argv, **environment):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                ["ip", "netns", "exec", self.netns, *map(str, argv)], cwd=self.home, stdout=log,
                stderr=log, env={**os.environ, **environment})

    def pid(self):
        return self.process.pid

    def kill(self, how=signal.SIGKILL):
        if self.process is not None and self.process.poll() is None:
            os.kill(self.pid(), how)
            self.process.wait(30)
        self.process = None

    def log_text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def established(self):
        """Names of the peers this node has an established connection to."""
        for peer in self.topology():
            if peer["Name"] == self.name:
                return {c["Name"] for c in peer["Connections"] or [] if c["Established"]}
        return set()

    def topology(self):
        return self.router()["Peers"] or []

    def routes(self):
        """Next hops and broadcast fans, comparable between implementations."""
        router = self.router()
        return ({r["Dest"]: r["Via"] for r in router["UnicastRoutes"] or []},
                {r["Source"]: sorted(r["Via"] or []) for r in router["BroadcastRoutes"] or []})

    def ring(self):
        keys = ("Token", "Size", "Peer", "Version")
        return [tuple(entry[k] for k in keys) for entry in self.ipam()["Entries"] or []]


class Original(Node):
    """Weave Net's own router. It needs a pid namespace: it opens /proc/1/ns/net as the host."""

    kind = "original"

    def start(self):
        (self.home / "restart.sentinel").unlink(missing_ok=True)  # else it ignores its peers
        self.start_process(
            ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", self.lab.weaver,
             "--datapath=datapath" if self.lab.fastdp else "--no-fastdp", "--no-dns", "--docker-api=",
             f"--name={self.name}", f"--nickname=n{self.index}", f"--host={address_of(self.index)}", "--port=6783",
             "--http-addr=127.0.0.1:6784", "--status-addr=127.0.0.1:6782",
             f"--ipalloc-range={UNIVERSE}", f"--ipalloc-init={self.init}",
             f"--db-prefix={self.home}/",
             *([f"--password={self.password}"] if self.password else []),
             *([f"--trusted-subnets={UNDERLAY}"] if self.trusting else []), *self.peers],
            CHECKPOINT_DISABLE="1")
        wait_until(lambda: "Ready" in self.http("GET", "/report", ok=False), "router answers")
        return self

    def pid(self):
        """unshare waits for the router and passes no signals on."""
        parent = self.process.pid
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        return int(children[0]) if children else parent

    def http(self, method, path, ok=True, timeout=60):
        return run("ip", "netns", "exec", self.netns, "curl", "-sS", "--fail-with-body", "-X",
                   method, "-H", "Accept: application/json", f"http://127.0.0.1:6784{path}",
                   ok=ok, timeout=timeout)

    def router(self):
        return json.loads(self.http("GET", "/report"))["Router"]

    def ipam(self):
        return json.loads(self.http("GET", "/report"))["IPAM"]

    def fastdp(self):
        return self.router()["OverlayDiagnostics"]["fastdp"]

    def connect(self, address):
        run("ip", "netns", "exec", self.netns, "curl", "-s", "-S", "--data-urlencode",
            f"peer={address}", "http://127.0.0.1:6784/connect")

    def prime(self):
        self.http("GET", "/ring")

    def allocate(self, owner):
        return self.http("POST", f"/ip/{owner}").strip()

    def claim(self, owner, address):
        self.http("PUT", f"/ip/{owner}/{address}")

    def take_over(self, name):
        return self.http("DELETE", f"/peer/{name}").strip()

    def add_pod(self, label):
        """By Weave Net's CNI plugin if there is one, else by hand as `weave attach` does."""
        pod = Pod(self.lab, self, label)
        if self.lab.weave_cni:
            link = self.lab.home / "weave-net"  # its base name says which of its plugins it is
            if not link.exists():
                link.symlink_to(self.lab.weave_cni)
            pod.take(run("ip", "netns", "exec", self.netns, "unshare", "--pid", "--fork",
                         "--mount-proc", link, input=pod.network_config("0.3.0"),
                         env=pod.cni_environment(CNI_PATH=str(self.lab.home))))
            return pod
        pod.address = self.allocate(pod.identity)
        host_end = f"v{label}"
        run("ip", "link", "add", "eth0", "netns", pod.netns, "type", "veth", "peer", "name",
            host_end, "netns", self.netns)
        mtu = run("ip", "netns", "exec", self.netns, "cat", "/sys/class/net/weave/mtu").strip()
        run("ip", "-n", self.netns, "link", "set", host_end, "mtu", mtu, "master", "weave", "up")
        run("ip", "-n", pod.netns, "link", "set", "eth0", "mtu", mtu, "up")
        run("ip", "-n", pod.netns, "addr", "add", pod.address, "brd", "+", "dev", "eth0")
        # Its capture sends frames on as they are, so pods must complete their checksums.
        pod.run("ethtool", "-K", "eth0", "tx", "off")
        return pod


class Weft(Node):
    """A weft node."""

    kind = "weft"

    def start(self):
        quoted = ", ".join(f'"{peer}"' for peer in self.peers)
        plugins = ["odp", *PLUGINS] if self.lab.fastdp else PLUGINS
        text = (f"[host]\nplugins = {json.dumps(plugins)}\n"
                f'plugin-path = ["{self.lab.plugins}"]\n'
                f'log-level = "{self.log_level}"\n'
                f'name = "{self.name}"\nnickname = "n{self.index}"\n'
                f'state-directory = "{self.home}/state"\nrun-directory = "{self.home}/run"\n'
                f'[plugin.gossip]\npeers = [{quoted}]\n')
        if self.password:
            secret = self.home / "password"
            secret.write_text(self.password)
            secret.chmod(0o600)
            text += f'password-file = "{secret}"\n'
        if self.trusting:
            text += f'trusted-subnets = ["{UNDERLAY}"]\n'
        text += f'[plugin.ipam]\ninit = "{self.init}"\n'
        if self.pod_mtu:
            text += f"[plugin.bridge]\nmtu = {self.pod_mtu}\n"
        config = self.home / "weft.toml"
        config.write_text(text)
        self.start_process([self.lab.bin / "weftd", "--config", config])
        wait_until(lambda: self.has_started(), "weftd and its plugins run")
        return self

    def has_started(self):
        try:
            status = self.call("status")
            return status["Name"] == self.name and status["State"] != "starting"
        except (OSError, Failure):
            return False

    def call(self, command, patience=60, **params):
        with socket.socket(socket.AF_UNIX) as stream:
            stream.settimeout(patience)
            stream.connect(str(self.home / "run/weft.sock"))
            stream.sendall(json.dumps({"command": command, "params": params}).encode() + b"\n")
            answer = json.loads(stream.makefile().readline())
        check(answer["ok"], f"{command}: {answer.get('error')}")
        return answer.get("result")

    def router(self):
        return self.call("mesh.status")

    def ipam(self):
        return self.call("ipam.status")

    def prime(self):
        self.call("ipam.prime")

    def allocate(self, owner):
        return self.call("ipam.allocate", owner=owner)["addresses"][0]

    def claim(self, owner, address):
        self.call("ipam.claim", owner=owner, address=address)

    def take_over(self, name):
        return json.dumps(self.call("ipam.take-over", peer=name))

    def fastdp(self):
        return self.call("odp.status")

    def metrics(self):
        return run(self.lab.bin / "weft", "--socket", self.home / "run/weft.sock", "metrics")

    def add_pod(self, label):
        pod = Pod(self.lab, self, label)
        pod.take(run("ip", "netns", "exec", self.netns, self.lab.bin / "weft-cni",
                     input=pod.network_config("1.0.0"),
                     env=pod.cni_environment(WEFT_SOCKET=str(self.home / "run/weft.sock"),
                                             CNI_PATH=str(self.lab.bin))))
        return pod


class Pod:
    """A namespace attached to a node."""

    def __init__(self, lab, node, label):
        self.lab, self.node, self.address = lab, node, None
        self.identity = f"{label}{os.getpid()}pod"  # the CNI plugin names links by its first seven
        self.netns = f"{lab.prefix}{label}"
        lab.add_netns(self.netns)

    def network_config(self, version):
        return json.dumps({"cniVersion": version, "name": "weave", "type": "weave-net"})

    def cni_environment(self, **more):
        return {**os.environ, "CNI_COMMAND": "ADD", "CNI_CONTAINERID": self.identity,
                "CNI_NETNS": f"/run/netns/{self.netns}", "CNI_IFNAME": "eth0", **more}

    def take(self, result):
        self.address = json.loads(result)["ips"][0]["address"]

    @property
    def ip(self):
        return self.address.split("/")[0]

    def mac(self):
        return self.run("cat", "/sys/class/net/eth0/address").strip()

    def run(self, *argv, **options):
        return run("ip", "netns", "exec", self.netns, *argv, **options)

    def start(self, *argv):
        return subprocess.Popen(["ip", "netns", "exec", self.netns, *map(str, argv)],
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


class Lab:
    """Owns every namespace, process and file of one case; removes them at its end."""

    def __init__(self, options):
        self.weaver, self.weave_cni = options.weaver, options.weave_cni
        self.bin, self.plugins = options.bin, options.plugins
        self.prefix = f"wi{os.getpid()}-"
        self.home = Path(tempfile.mkdtemp(prefix="weft-interop-"))
        self.namespaces, self.nodes = [], {}
        self.keep, self.fastdp = options.keep, options.fastdp

    def __enter__(self):
        return self

    def add_switch(self):
        self.add_netns(self.switch)
        run("ip", "-n", self.switch, "link", "add", "br0", "type", "bridge")
        run("ip", "-n", self.switch, "link", "set", "br0", "up")
        run("ip", "netns", "exec", self.switch, "nft",
            "add table bridge cut { set pairs { type ipv4_addr . ipv4_addr; }; "
            "chain forward { type filter hook forward priority 0; "
            "ip saddr . ip daddr @pairs drop; }; }")

    def __exit__(self, *_):
        for node in self.nodes.values():
            node.kill()
        for netns in self.namespaces:
            run("ip", "netns", "del", netns, ok=False)
        if not self.keep:
            shutil.rmtree(self.home, ignore_errors=True)

    @property
    def switch(self):
        return f"{self.prefix}sw"

    def add_netns(self, netns):
        self.namespaces.append(netns)  # first: an interruption may come between
        run("ip", "netns", "add", netns)
        run("ip", "-n", netns, "link", "set", "lo", "up")

    def plug(self, index):
        netns = f"{self.prefix}{index}"
        if netns in self.namespaces:
            return netns
        self.add_netns(netns)
        run("ip", "link", "add", "eth0", "netns", netns, "type", "veth", "peer", "name",
            f"p{index}", "netns", self.switch)
        run("ip", "-n", self.switch, "link", "set", f"p{index}", "master", "br0", "up")
        run("ip", "-n", netns, "link", "set", "eth0", "up")
        run("ip", "-n", netns, "addr", "add", f"{address_of(index)}/24", "dev", "eth0")
        return netns

    def start(self, kind, index, password=None, peers=(), init="consensus=2", keep_state=False,
              pod_mtu=None, trusting=False):
        """Starts a node; `peers` are indices of the nodes it dials."""
        self.plug(index)
        if index in self.nodes:
            self.nodes[index].kill()
        addresses = [address_of(peer) for peer in peers]
        node = kind(self, index, password, addresses, init, keep_state)
        node.pod_mtu, node.trusting = pod_mtu, trusting
        self.nodes[index] = node
        return node.start()

    def cut(self, a, b, verb="add"):
        pairs = f"{{ {address_of(a)} . {address_of(b)}, {address_of(b)} . {address_of(a)} }}"
        run("ip", "netns", "exec", self.switch, "nft", f"{verb} element bridge cut pairs {pairs}")

    def heal(self, a, b):
        self.cut(a, b, "delete")


def wait_established(*nodes, patience=30.0):
    """Seconds until every one of `nodes` has every other as an established peer."""
    names = {node.name for node in nodes}
    return wait_until(lambda: all(names - {n.name} <= n.established() for n in nodes),
                      f"established between {', '.join(n.kind for n in nodes)}", patience)
