"""Namespaces and processes of one benchmark: made here, and ended here by name and process id."""
import os
import subprocess
import time

PREFIX = f"weft-bench-{os.getpid()}-"


class BenchError(Exception):
    """Why one contestant cannot be measured; the text is shown and reported."""


def run(*argv, check=True, timeout=60, **options):
    """Output of a command; BenchError with what it said when it fails or takes over `timeout` s."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=timeout, **options)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BenchError(f"cannot run {argv[0]}: {error}") from error
    if check and done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise BenchError(f"cannot {' '.join(argv[:6])}: {' '.join(said)}")
    return done.stdout


def inside(netns, *argv):
    return ("ip", "netns", "exec", netns, *argv)


def await_true(what, condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise BenchError(f"{what}: not within {seconds} s")
        time.sleep(0.05)


class Machine:
    """Two namespaces joined by a veth pair, and the daemons in them. `close` removes all."""

    addresses = ("10.98.7.1", "10.98.7.2")

    def __init__(self):
        self.daemons = []
        self.netns = [PREFIX + "a", PREFIX + "b"]

    def open(self):
        for netns in self.netns:
            run("ip", "netns", "add", netns)
            run("ip", "-n", netns, "link", "set", "lo", "up")
        run("ip", "-n", self.netns[0], "link", "add", "under", "type", "veth", "peer", "name", "under",
            "netns", self.netns[1])
        for netns, address in zip(self.netns, self.addresses):
            run("ip", "-n", netns, "address", "add", address + "/24", "dev", "under")
            run("ip", "-n", netns, "link", "set", "under", "up")

    def start(self, netns, *argv, log):
        with open(log, "w", encoding="utf-8") as out:
            process = subprocess.Popen(inside(netns, *argv), stdout=out, stderr=out,
                                       stdin=subprocess.DEVNULL)
        self.daemons.append(process)

    def pids(self):
        return [process.pid for process in self.daemons]

    def close(self):
        for process in self.daemons:
            process.terminate()
        for process in self.daemons:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for netns in self.netns:
            run("ip", "netns", "delete", netns, check=False)


def switch_offloads_off(netns, device):
    run(*inside(netns, "ethtool", "-K", device, "tso", "off", "gso", "off", "gro", "off", "tx", "off"))
