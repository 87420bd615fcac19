"""The table that is printed: medians, and in brackets their ratio to the best user-space peer."""
from contestants import NO_OFFLOAD, PEERS

# What is reported, its heading, and which of two values is the better one.
COLUMNS = {"tcp_mbps": ("TCP Mbit/s", max), "tcp4_mbps": ("4 streams", max), "udp_pps": ("UDP 64 B/s", max),
           "rtt_p50_us": ("RTT p50 us", min), "rtt_p99_us": ("RTT p99 us", min), "cpu_s_per_gb": ("CPU s/GB", min)}
WIDTH = 19  # of a column, in characters


def table(report):
    """The best peer is looked for in each column apart, among those with the same offloads."""
    names = max(map(len, report), default=0)
    lines = [" " * names + "".join(f"{heading:>{WIDTH}}" for heading, _better in COLUMNS.values())]
    for name, row in report.items():
        suffix = NO_OFFLOAD if name.endswith(NO_OFFLOAD) else ""
        rivals = [report[rival + suffix] for rival in PEERS if rival + suffix in report]
        lines.append(f"{name:{names}}" + "".join(cell(row[column], [rival[column] for rival in rivals], better)
                                                 for column, (_heading, better) in COLUMNS.items()))
    return "\n".join(line.rstrip() for line in lines)


def cell(value, rivals, better):
    if value is None:
        return f"{'-':>{WIDTH - 9}}" + " " * 9
    ratio = f"({value / better(rivals):.2f})" if rivals else ""
    return f"{value:>{WIDTH - 9},.{1 if value < 1000 else 0}f} {ratio:<8}"
