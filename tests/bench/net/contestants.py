"""What is compared: each contestant makes its network and says where to measure."""
import os
import shutil
import tempfile

from machine import BenchError, Machine, await_true, inside, run, switch_offloads_off

PACKAGES = {"fastd": ["fastd"], "fastd-cipher": ["fastd"], "nebula": ["nebula"]}


class Pair:
    """Base of the contestants between two plain namespaces; `lay` builds the overlay, if any."""

    targets = ("10.41.0.1", "10.41.0.2")

    def __init__(self, name, build):
        del build
        self.name, self.machine = name, Machine()
        self.work = tempfile.mkdtemp(prefix="weft-bench-")

    def open(self, offload):
        self.machine.open()
        if not offload:
            for netns in self.machine.netns:
                switch_offloads_off(netns, "under")
        self.lay()
        source, sink = self.machine.netns
        target = self.targets[1]
        await_true(f"{self.name} answers", lambda: "1 received" in run(
            *inside(source, "ping", "-c1", "-W1", target), check=False))
        return source, sink, target, self.machine.pids()

    def close(self):
        self.machine.close()
        shutil.rmtree(self.work, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.work, name)

    def address(self, side, device):
        netns = self.machine.netns[side]
        await_true(f"{self.name} makes {device}", lambda: run(
            "ip", "-n", netns, "link", "show", device, check=False))
        run("ip", "-n", netns, "address", "add", self.targets[side] + "/24", "dev", device)
        run("ip", "-n", netns, "link", "set", device, "up")


class Raw(Pair):
    targets = Machine.addresses

    def lay(self):
        """Nothing: the underlay itself."""


class Vxlan(Pair):
    def lay(self):
        for side, netns in enumerate(self.machine.netns):
            run("ip", "-n", netns, "link", "add", "over", "mtu", "1450", "type", "vxlan", "id", "7",
                "dstport", "4789", "local", Machine.addresses[side], "remote", Machine.addresses[1 - side])
            self.address(side, "over")


class Fastd(Pair):
    def lay(self):
        method = "salsa2012+umac" if self.name == "fastd-cipher" else "null"
        secrets, publics = [], []
        for _ in range(2):
            words = run("fastd", "--generate-key").split()
            secrets.append(words[words.index("Secret:") + 1])
            publics.append(words[words.index("Public:") + 1])
        for side, netns in enumerate(self.machine.netns):
            with open(self.path(f"{side}.conf"), "w", encoding="utf-8") as file:
                file.write(f'mode tap; interface "over"; mtu 1400; method "{method}"; secret "{secrets[side]}";'
                           f'bind {Machine.addresses[side]}:10000; peer "other" {{ key "{publics[1 - side]}";'
                           f' remote {Machine.addresses[1 - side]}:10000; }}\n')
            self.machine.start(netns, "fastd", "--config", self.path(f"{side}.conf"),
                               log=self.path(f"{side}.log"))
            self.address(side, "over")


class Nebula(Pair):
    def lay(self):
        run("nebula-cert", "ca", "-name", "bench", cwd=self.work)
        for side, netns in enumerate(self.machine.netns):
            run("nebula-cert", "sign", "-name", str(side), "-ip", self.targets[side] + "/24", cwd=self.work)
            with open(self.path(f"{side}.yml"), "w", encoding="utf-8") as file:
                file.write(f"""pki: {{ca: {self.path('ca.crt')}, cert: {self.path(f'{side}.crt')}, key: {self.path(f'{side}.key')}}}
static_host_map: {{"{self.targets[1 - side]}": ["{Machine.addresses[1 - side]}:4242"]}}
lighthouse: {{am_lighthouse: false}}
listen: {{host: 0.0.0.0, port: 4242}}
tun: {{dev: over, mtu: 1400}}
firewall: {{outbound: [{{port: any, proto: any, host: any}}], inbound: [{{port: any, proto: any, host: any}}]}}
""")
            self.machine.start(netns, "nebula", "-config", self.path(f"{side}.yml"),
                               log=self.path(f"{side}.log"))


class Sleeve:
    """Two weft nodes and a pod on each; for `sleeve-relay` a third node between them."""

    def __init__(self, name, build):
        self.name, self.weft = name, os.path.join(build, "bin", "weft")
        self.lab = f"bench{os.getpid()}"
        self.work = tempfile.mkdtemp(prefix="weft-bench-")

    def command(self, *argv, check=True):
        return run(self.weft, "lab", *argv,
                   "--name", self.lab, check=check)

    def open(self, offload):
        nodes = 3 if self.name == "sleeve-relay" else 2
        options = ["--nodes", str(nodes)]
        if self.name == "sleeve-encrypted":
            secret = os.path.join(self.work, "password")
            with open(secret, "w", encoding="utf-8") as file:
                file.write("benchmark\n")
            os.chmod(secret, 0o600)
            options += ["--password-file", secret]
        self.command("up", *options)
        for side in (1, 2):
            self.command("pod", "add", f"p{side}", "--node", f"node{side}")
        rows = [line.split() for line in self.command("pod", "list").splitlines()]
        target = next(row[2].split("/")[0] for row in rows if row and row[0] == "p2")
        netns = {n.split()[0] for n in run("ip", "netns", "list").splitlines() if n}
        pods = [next(n for n in netns if n.startswith(f"weft-{self.lab}-") and n.endswith(f"p{s}"))
                for s in (1, 2)]
        pids = []
        for node in range(1, nodes + 1):
            name = f"weft-{self.lab}-node{node}"
            if not offload:
                switch_offloads_off(name, self.underlay(name))
            pids += [int(pid) for pid in run("ip", "netns", "pids", name).split() if is_daemon(pid)]
        if len(pids) != nodes:
            raise BenchError(f"{len(pids)} daemons found for {nodes} nodes")
        if nodes == 3:
            self.command("cut", "node1", "node2")
        await_true(f"{self.name} answers", lambda: "1 received" in run(
            *inside(pods[0], "ping", "-c1", "-W1", target), check=False))
        return pods[0], pods[1], target, pids

    @staticmethod
    def underlay(netns):
        for line in run("ip", "-n", netns, "-o", "-4", "address").splitlines():
            if " 10.99." in line:
                return line.split()[1]
        raise BenchError(f"no underlay address in {netns}")

    def close(self):
        self.command("down", check=False)
        shutil.rmtree(self.work, ignore_errors=True)


def is_daemon(pid):
    with open(f"/proc/{pid}/comm", encoding="utf-8") as comm:
        return comm.read().startswith("weftd")


LIMITS = {"raw": Raw, "vxlan": Vxlan}
PEERS = {"fastd": Fastd, "fastd-cipher": Fastd, "nebula": Nebula}
OURS = {"sleeve": Sleeve, "sleeve-encrypted": Sleeve, "sleeve-relay": Sleeve}
