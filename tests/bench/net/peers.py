"""The overlays that weft is compared with: each makes its network, and says where to measure."""
import json
from dataclasses import dataclass
from pathlib import Path as File

from network import POD_NETWORK, Network, address_of, inside, run, wait_until

DEVICE = "over"
ENDS = (1, 2)
WIREGUARD_SOCKETS = File("/var/run/wireguard")


@dataclass
class Path:
    """Where traffic goes: from a pod to the address of another, by these nodes in this order."""

    source: str
    sink: str
    target: str
    nodes: tuple = ENDS


class Contestant:
    """`with` makes its network; then `path` says where to measure."""

    nodes = 2
    packages = ()
    mtu = 1400  # bytes, of the pods

    def __init__(self, name, options, offload):
        self.name, self.network = name, Network(options, self.nodes, offload)

    def path(self):
        """Starts the overlay; returns once a pod hears the other."""
        self.prepare()
        ends = [self.join(index) for index in ENDS]
        return self.answering(Path(ends[0][0], ends[1][0], ends[1][1]))

    def prepare(self):
        """Keys and the like, before any node joins."""

    def join(self, index):
        """Starts the node's daemon and attaches its pod: the pod's namespace and address."""
        raise NotImplementedError

    def answering(self, path):
        def answers():
            self.network.check_alive()
            return " 1 received" in run(*inside(path.source, "ping", "-n", "-c", 1, "-W", 1, path.target), ok=False)
        wait_until(answers, "the other pod answers")
        return path

    def write(self, name, text):
        path = self.network.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def run(self, *argv, **options):
        """Runs a program among the contestant's files."""
        return run(*argv, cwd=self.network.home, **options)


class Raw(Contestant):
    """No overlay: the underlay is a port of the pods' bridges."""

    def join(self, index):
        return self.network.bridge_pod(index, "eth0", 1500)


class Vxlan(Contestant):
    def join(self, index):
        run("ip", "-n", self.network.netns(index), "link", "add", DEVICE, "type", "vxlan", "id", 7, "dstport",
            4789, "local", address_of(index), "remote", address_of(3 - index))
        return self.network.bridge_pod(index, DEVICE, 1450)


class Fastd(Contestant):
    packages = ("fastd",)
    method = "null"

    def prepare(self):
        self.secret, self.public = {}, {}
        for index in ENDS:
            words = run("fastd", "--generate-key").split()
            self.secret[index] = words[words.index("Secret:") + 1]
            self.public[index] = words[words.index("Public:") + 1]

    def join(self, index):
        other = 3 - index
        config = self.write(f"fastd{index}.conf", f"""mode tap;
interface "{DEVICE}";
mtu {self.mtu};
method "{self.method}";
secret "{self.secret[index]}";
bind {address_of(index)}:10000;
peer "other" {{ key "{self.public[other]}"; remote {address_of(other)}:10000; }}
""")
        self.network.spawn(index, "fastd", "--config", config)
        self.network.wait_device(index, DEVICE)
        return self.network.bridge_pod(index, DEVICE, self.mtu)


class FastdCipher(Fastd):
    method = "salsa2012+umac"


class Tinc(Contestant):
    packages = ("tinc",)

    def prepare(self):
        for index in ENDS:
            home = f"tinc{index}"
            self.write(f"{home}/tinc.conf", f"Name = n{index}\nMode = switch\nDeviceType = tap\n"
                       f"Interface = {DEVICE}\nConnectTo = n{3 - index}\nAddressFamily = ipv4\n")
            self.write(f"{home}/tinc-up", "#!/bin/sh\n").chmod(0o755)
            self.write(f"{home}/hosts/n{index}", f"Address = {address_of(index)}\n")
            self.run("tincd", "-c", home, "-K2048")
        for index in ENDS:
            public = (self.network.home / f"tinc{index}/hosts/n{index}").read_text(encoding="utf-8")
            self.write(f"tinc{3 - index}/hosts/n{index}", public)

    def join(self, index):
        home = self.network.home / f"tinc{index}"
        self.network.spawn(index, "tincd", "-c", home, "-D", "-d1", "--pidfile", home / "pid")
        self.network.wait_device(index, DEVICE)
        return self.network.bridge_pod(index, DEVICE, self.mtu)


class OpenVpn(Contestant):
    """Between taps, with AES-256-GCM."""

    packages = ("openvpn", "openssl")

    def prepare(self):
        self.print = {}
        for index in ENDS:
            self.run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                     "-days", 2, "-subj", f"/CN=n{index}", "-keyout", f"vpn{index}.key", "-out", f"vpn{index}.crt")
            text = self.run("openssl", "x509", "-noout", "-fingerprint", "-sha256", "-in", f"vpn{index}.crt")
            self.print[index] = text.strip().split("=")[1]

    def join(self, index):
        role = "tls-server" if index == 1 else "tls-client"
        config = self.write(f"vpn{index}.conf", f"""dev {DEVICE}
dev-type tap
proto udp
local {address_of(index)}
remote {address_of(3 - index)}
port 1194
{role}
{'dh none' if index == 1 else ''}
cert vpn{index}.crt
key vpn{index}.key
peer-fingerprint {self.print[3 - index]}
data-ciphers AES-256-GCM
disable-dco
""")
        self.network.spawn(index, "openvpn", "--config", config)
        self.network.wait_device(index, DEVICE)
        return self.network.bridge_pod(index, DEVICE, self.mtu)


class Nebula(Contestant):
    """Carries packets only: the nodes route between their pods' networks."""

    packages = ("nebula",)

    def prepare(self):
        self.run("nebula-cert", "ca", "-name", "bench")
        for index in ENDS:
            self.run("nebula-cert", "sign", "-name", f"n{index}", "-ip", f"{POD_NETWORK}.{index}/24",
                     "-subnets", f"10.42.{index}.0/24")

    def join(self, index):
        other, home = 3 - index, self.network.home
        everything = [{"port": "any", "proto": "any", "host": "any"}]
        config = self.write(f"nebula{index}.yml", json.dumps({  # which is YAML too
            "pki": {"ca": f"{home}/ca.crt", "cert": f"{home}/n{index}.crt", "key": f"{home}/n{index}.key"},
            "static_host_map": {f"{POD_NETWORK}.{other}": [f"{address_of(other)}:4242"]},
            "lighthouse": {"am_lighthouse": False},
            "listen": {"host": "0.0.0.0", "port": 4242},
            "tun": {"dev": DEVICE, "mtu": self.mtu, "unsafe_routes": [
                {"route": f"10.42.{other}.0/24", "via": f"{POD_NETWORK}.{other}"}]},
            "firewall": {"outbound": everything, "inbound": everything}}))
        self.network.spawn(index, "nebula", "-config", config)
        self.network.wait_device(index, DEVICE)
        return self.network.route_pod(index, DEVICE, self.mtu)


class WireguardGo(Contestant):
    """Carries packets only: the nodes route between their pods' networks."""

    packages = ("wireguard-go", "wireguard-tools")
    mtu = 1420

    def prepare(self):
        self.public = {}
        for index in ENDS:
            secret = run("wg", "genkey")
            self.write(f"wg{index}.key", secret)
            self.public[index] = run("wg", "pubkey", input=secret).strip()

    def join(self, index):
        # Its socket's name is the device's, in a directory that all namespaces share.
        node, device = self.network.netns(index), f"{self.network.prefix}{index}"
        self.network.leftovers.append(self.socket(device))
        self.network.spawn(index, "wireguard-go", "--foreground", device, LOG_LEVEL="error")
        self.network.wait_device(index, device)
        wait_until(self.socket(device).exists, f"wireguard-go listens on {self.socket(device)}")
        run(*inside(node, "wg", "set", device, "listen-port", 51820, "private-key",
                    self.network.home / f"wg{index}.key", "peer", self.public[3 - index], "endpoint",
                    f"{address_of(3 - index)}:51820", "allowed-ips", f"10.42.{3 - index}.0/24"))
        return self.network.route_pod(index, device, self.mtu)

    @staticmethod
    def socket(device):
        return WIREGUARD_SOCKETS / f"{device}.sock"
