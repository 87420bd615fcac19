#!/usr/bin/env bash
# Linux tells nobody that a route is gone when RTM_NEWROUTE with NLM_F_REPLACE puts another in its place.
#
# Guessed: whoever follows RTNLGRP_IPV4_ROUTE sees RTM_DELROUTE for each route that goes away, so that a daemon
# which waits for the deletion of its interface's route can put it back. Seen: `ip route replace` of a connected
# route, with a route of another kind and without an interface, is announced by one RTM_NEWROUTE that names the
# new route only, with NLM_F_REPLACE among its flags; when that one is deleted, the announcement names
# no interface either. The address stays, and the interface has no route any more. Such a daemon has to compare
# destinations, too.
#
# Seen on Linux 6.1.176, as Debian 12's package user-mode-linux 6.1um4+b13 has it. Needs apt-get,
# python3 and root; no network but Debian's archive; nothing stays.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get download -qq -o APT::Sandbox::User=root user-mode-linux=6.1um4+b13
dpkg -x ./*.deb root
insmod=$(command -v insmod || echo /sbin/insmod)

cat >init.py <<EOF
import ctypes, glob, os, socket, struct, subprocess
work = "$work"
for module in glob.glob(work + "/root/usr/lib/uml/modules/*/kernel/drivers/net/veth.ko"):
    subprocess.run(["$insmod", module], check=True)
NEWLINK, NEWADDR, NEWROUTE, DELROUTE, REQUEST, ACK = 16, 20, 24, 25, 1, 4
REPLACE, EXCL, CREATE = 0x100, 0x200, 0x400
IFNAME, LINKINFO, KIND, LOCAL, DST, OIF = 3, 18, 1, 2, 1, 4
ask = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
hear = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
hear.bind((0, 0x40))  # RTMGRP_IPV4_ROUTE
hear.setblocking(False)
pods = socket.inet_aton("10.32.0.0")
seen = [os.uname().release]

def attribute(kind, value):
    return (struct.pack("HH", 4 + len(value), kind) + value).ljust(4 + (len(value) + 3) // 4 * 4, b"\0")

def request(kind, flags, body):
    ask.send(struct.pack("IHHII", 16 + len(body), kind, REQUEST | ACK | flags, 1, 0) + body)
    error = struct.unpack_from("i", ask.recv(65536), 16)[0]
    assert error == 0, (kind, error)

def route(kind, flags):  # blackhole 10.32.0.0/12, main table, protocol boot
    request(kind, flags, struct.pack("BBBBBBBBI", 2, 12, 0, 0, 254, 3, 0, 6, 0) + attribute(DST, pods))

def announced(what):
    while True:
        try:
            message = hear.recv(65536)
        except BlockingIOError:
            return
        kind, flags = struct.unpack_from("HH", message, 4)
        length, table = message[17], message[20]
        if table != 254 or length != 12:
            continue
        attributes, at = {}, 28
        while at < len(message):
            size, name = struct.unpack_from("HH", message, at)
            attributes[name] = message[at + 4:at + size]
            at += (size + 3) // 4 * 4
        seen.append(f"{what}: {'RTM_NEWROUTE' if kind == NEWROUTE else 'RTM_DELROUTE'}"
                    f"{' NLM_F_REPLACE' if flags & REPLACE else ''}"
                    f"{', of an interface' if OIF in attributes else ', of no interface'}")

request(NEWLINK, CREATE | EXCL, struct.pack("BxHiII", 0, 0, 0, 1, 1) + attribute(IFNAME, b"near\0") +
        attribute(LINKINFO, attribute(KIND, b"veth\0")))
index = socket.if_nametoindex("near")
request(NEWADDR, CREATE | EXCL, struct.pack("BBBBI", 2, 12, 0, 0, index) +
        attribute(LOCAL, socket.inet_aton("10.32.0.1")))
announced("address given")
route(NEWROUTE, CREATE | REPLACE)
announced("replaced")
route(DELROUTE, 0)
announced("other deleted")
with open("/proc/net/route") as table:
    left = [line for line in table if line.split()[1] == "0000200A"]
seen.append(f"routes left: {len(left)}")
with open(work + "/seen", "w") as file:
    print(*seen, sep="\n", file=file)
ctypes.CDLL(None).reboot(0x4321FEDC)  # power off
EOF
cat >init <<EOF
#!/bin/sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc
exec $(command -v python3) $work/init.py
EOF
chmod +x init
timeout 60 root/usr/bin/linux.uml rootfstype=hostfs rootflags=/ rw mem=128M con=null con0=null \
  init="$work/init" </dev/null >log 2>&1 || true
cat seen
diff seen - <<'EOF' && echo "as found"
6.1.176
address given: RTM_NEWROUTE, of an interface
replaced: RTM_NEWROUTE NLM_F_REPLACE, of no interface
other deleted: RTM_DELROUTE, of no interface
routes left: 0
EOF
