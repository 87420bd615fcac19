"""What is measured between two namespaces: throughput, packets, round trips and CPU of daemons."""
import json
import os
import socket
import subprocess
import sys
import time

from machine import BenchError, await_true, inside, run

PORT = 5201
PING = os.path.abspath(__file__)


def cpu_seconds(pids):
    """User and system seconds of all threads. Source: proc(5), /proc/PID/stat fields 14 and 15."""
    ticks = 0
    for pid in pids:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def iperf(source, target, seconds, *options):
    text = run(*inside(source, "iperf3", "-J", "-c", target, "-t", str(seconds), *options), check=False,
               timeout=seconds + 20)
    try:
        report = json.loads(text)
    except ValueError as error:
        raise BenchError("iperf3 gave no report") from error
    if "error" in report:
        raise BenchError(f"iperf3: {report['error']}")
    return report["end"]


def measure(source, sink, target, pids, seconds):
    """One run. `target` is the sink's overlay address, `pids` the daemons that carry the frames."""
    servers = [subprocess.Popen(inside(sink, *argv), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
               for argv in (("iperf3", "-s"), (sys.executable, PING, "serve", target))]
    try:
        await_true("iperf3 listens", lambda: f":{PORT} " in run(*inside(sink, "ss", "-Hltn")))
        before = cpu_seconds(pids)
        tcp = iperf(source, target, seconds)["sum_received"]
        spent = cpu_seconds(pids) - before
        if not tcp["bytes"]:
            raise BenchError("no TCP byte arrived")
        udp = iperf(source, target, seconds, "-u", "-b", "0", "-l", "64")["sum"]
        arrived = (udp["packets"] - udp["lost_packets"]) / udp["seconds"]
        trips = json.loads(run(*inside(source, sys.executable, PING, "ask", target, str(seconds)),
                               timeout=seconds + 20))
    finally:
        for server in servers:
            server.terminate()
            server.wait()
    return {"tcp_mbps": tcp["bits_per_second"] / 1e6, "udp_pps": arrived,
            "rtt_p50_us": trips[len(trips) // 2], "rtt_p99_us": trips[len(trips) * 99 // 100],
            "cpu_s_per_gb": spent / (tcp["bytes"] / 1e9) if pids else None}


def serve(address):
    """Echoes datagrams for ever."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as echo:
        echo.bind((address, PORT + 1))
        while True:
            echo.sendto(*echo.recvfrom(2048))


def ask(address, seconds):
    """Prints the sorted round trips, in microseconds, of 64-byte datagrams sent one by one."""
    trips, deadline = [], time.monotonic() + seconds
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.settimeout(1)
        probe.connect((address, PORT + 1))
        while time.monotonic() < deadline or not trips:
            sequence = len(trips).to_bytes(8, "big") + bytes(56)
            begin = time.perf_counter_ns()
            probe.send(sequence)
            while probe.recv(2048) != sequence:
                pass
            trips.append((time.perf_counter_ns() - begin) / 1000)
    print(json.dumps(sorted(trips)))


if __name__ == "__main__":
    serve(sys.argv[2]) if sys.argv[1] == "serve" else ask(sys.argv[2], float(sys.argv[3]))
