"""One measurement of one contestant: throughput, packets, round trips, and CPU of its daemons."""
import contextlib
import json
import os
import re
import subprocess
import sys

from network import HERE, Failure, inside, run

GB = 1e9  # bytes of TCP payload
PATIENCE = 60.0  # seconds that a measurement may take longer than it should
# It calls the kernel all the time: one that only counts would, under lazy preemption (Linux 6.12), keep
# what is woken on its core waiting until the next tick.
SPINNER = """import os
os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
while True:
    os.sched_yield()"""


def cpu_seconds(pids):
    """User and system seconds of all threads. Source: proc(5), /proc/PID/stat fields 14 and 15."""
    ticks = 0
    for pid in pids:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def process(*argv, **options):
    """A process that is gone when the block ends."""
    child = subprocess.Popen(argv, text=True, **options)
    try:
        yield child
    finally:
        child.kill()
        child.communicate()


@contextlib.contextmanager
def busy_cores():
    """Keeps every core from sleeping, by work that gives way to any other (SCHED_IDLE)."""
    with contextlib.ExitStack() as stack:
        for _ in range(os.cpu_count()):
            stack.enter_context(process(sys.executable, "-c", SPINNER))
        yield


def transfer(path, how, streams, seconds):
    """What the receiving pod counted while the sending one sent for `seconds`."""
    own = [streams] if how == "tcp" else []
    # The sender of datagrams goes on a little longer than the receiver counts.
    sends = seconds if how == "tcp" else seconds + 0.3
    traffic = [sys.executable, HERE / "traffic.py"]
    counts = own if how == "tcp" else [seconds]
    with process(*inside(path.sink, *traffic, f"receive-{how}", *counts), stdout=subprocess.PIPE,
                 stderr=subprocess.PIPE) as receiver:
        if receiver.stdout.readline() != "ready\n":
            raise Failure(f"receive-{how}: {receiver.stderr.read().strip()}")
        try:
            run(*inside(path.source, *traffic, f"send-{how}", path.target, *own, sends), timeout=seconds + PATIENCE)
            said, error = receiver.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired as timeout:
            raise Failure(f"{how}: not over {PATIENCE:g} s after its end") from timeout
    if receiver.returncode or not said:
        raise Failure(f"receive-{how}: {(error.strip() or 'nothing arrived').splitlines()[-1]}")
    return json.loads(said)


def round_trips(path, seconds):
    """Sorted times in microseconds of pings, one a millisecond, with the cores kept busy."""
    with busy_cores():
        text = run(*inside(path.source, "ping", "-n", "-i", "0.001", "-W", "1", "-c", max(1, int(seconds * 1000)),
                           path.target), timeout=seconds + PATIENCE, ok=False)
    trips = sorted(float(value) * 1000 for value in re.findall(r" time=([0-9.]+) ms", text))
    if len(trips) < 0.9 * seconds * 1000:
        raise Failure(f"only {len(trips)} of {int(seconds * 1000)} pings were answered")
    return trips


@contextlib.contextmanager
def small_packets(network):
    """Failure at the end of the block if a packet over 1500 bytes was on the wire in it."""
    ports = [f"p{index}" for index in range(1, network.count + 1)]
    with process(*inside(network.switch, sys.executable, HERE / "oversize.py", *ports),
                 stdin=subprocess.PIPE, stdout=subprocess.PIPE) as watch:
        if watch.stdout.readline() != "ready\n":
            raise Failure("cannot watch for packets over 1500 bytes")
        yield
        seen = int(watch.communicate("", timeout=PATIENCE)[0])
    if seen:
        raise Failure(f"{seen} packets over 1500 bytes on the underlay, with its offloads off")


def measure(network, path, seconds):
    """One row of the report. With the offloads off, every packet on the underlay is checked."""
    if network.offload:
        return measure_all(network, path, seconds)
    with small_packets(network):
        return measure_all(network, path, seconds)


def measure_all(network, path, seconds):
    transfer(path, "tcp", 1, min(seconds, 0.5))  # what only the first packets cost is not measured
    trips = round_trips(path, seconds)
    tcp, spent = watched_transfer(network, path, seconds)
    four = transfer(path, "tcp", 4, seconds)
    udp = transfer(path, "udp", 1, seconds)
    network.check_alive()
    return {"tcp_mbps": rate(tcp), "udp_pps": udp["packets"] / udp["seconds"],
            "rtt_p50_us": trips[len(trips) // 2], "rtt_p99_us": trips[len(trips) * 99 // 100],
            "cpu_s_per_gb": None if spent is None else spent / (tcp["bytes"] / GB), "tcp4_mbps": rate(four)}


def rate(tcp):
    return tcp["bytes"] * 8 / 1e6 / tcp["seconds"]


def watched_transfer(network, path, seconds):
    """One TCP stream, with the CPU seconds of the daemons or None where the kernel does it all.

    Failure when its bytes did not pass every node of `path.nodes`, such as the relay.
    """
    pids = network.pids()
    spent, links = cpu_seconds(pids), [network.link_bytes(node) for node in path.nodes]
    tcp = transfer(path, "tcp", 1, seconds)
    spent = cpu_seconds(pids) - spent
    for node, before in zip(path.nodes, links):
        sent, received = (now - then for now, then in zip(network.link_bytes(node), before))
        wanted = {path.nodes[0]: [sent], path.nodes[-1]: [received]}.get(node, [sent, received])
        if min(wanted) < tcp["bytes"]:
            raise Failure(f"only {min(wanted)} of {tcp['bytes']} bytes passed node {node}")
    return tcp, spent if pids else None
