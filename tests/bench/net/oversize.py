"""Counts packets on devices that are larger than an Ethernet link of 1500 bytes carries.

    oversize.py DEVICE...     prints "ready", and at the end of its input what it counted

Runs in the switch's namespace and sees what arrives there from the nodes. A filter in the kernel
(socket(7), SO_ATTACH_FILTER) passes large frames only, and PACKET_STATISTICS (packet(7)) counts what
it passed, queued or not, so nothing is read and little is spent.
"""
import ctypes
import socket
import struct
import sys

LARGEST_FRAME = 1500 + 14  # bytes, with the Ethernet header
SO_ATTACH_FILTER, SOL_PACKET, PACKET_STATISTICS, PACKET_IGNORE_OUTGOING, ETH_P_ALL = 26, 263, 6, 23, 3
PROGRAM = struct.pack("HBBI" * 4,
                      0x80, 0, 0, 0,                # A = length of the packet
                      0x25, 0, 1, LARGEST_FRAME,    # if A > LARGEST_FRAME
                      0x06, 0, 0, 64,               # take its first 64 bytes
                      0x06, 0, 0, 0)                # else nothing


def watch(device):
    listener = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    listener.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    code = ctypes.create_string_buffer(PROGRAM)
    listener.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER,
                        struct.pack("HL", 4, ctypes.addressof(code)))
    listener.bind((device, ETH_P_ALL))  # hears nothing before, so nothing unfiltered
    return listener


def main():
    listeners = [watch(device) for device in sys.argv[1:]]
    print("ready", flush=True)
    sys.stdin.read()
    print(sum(struct.unpack("II", listener.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))[0]
              for listener in listeners))


if __name__ == "__main__":
    main()
