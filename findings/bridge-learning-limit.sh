#!/usr/bin/env bash
# A bridge before Linux 6.7 takes a limit of learned addresses, answers success, and learns without limit.
#
# Guessed: IFLA_BR_FDB_MAX_LEARNED (`ip link set br0 type bridge fdb_max_learned N` of newer iproute2) is
# refused by kernels that do not know it, as unknown attributes of new link kinds are. Seen: the request
# succeeds, also with a limit of 4, and the bridge then knows all of 64 addresses that it heard. Whoever bounds a
# flood of MAC addresses this way has to read the limit back, and finds no attribute at all.
#
# Seen on Linux 6.1.176, as Debian 12's package user-mode-linux 6.1um4+b13 has it. Needs apt-get,
# kmod, python3 and root; no network but Debian's archive; nothing stays.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get download -qq -o APT::Sandbox::User=root user-mode-linux=6.1um4+b13
dpkg -x ./*.deb root
mkdir -p modules/lib
ln -s "$work/root/usr/lib/uml/modules" modules/lib/modules
depmod -b modules "$(ls modules/lib/modules)"
modprobe=$(command -v modprobe || echo /sbin/modprobe)

cat >init.py <<EOF
import ctypes, os, socket, struct, subprocess
work = "$work"
os.system("mount -t sysfs sysfs /sys")
for module in ("bridge", "veth"):
    subprocess.run(["$modprobe", "-d", work + "/modules", module], check=True)
NEWLINK, REQUEST, ACK, EXCL, CREATE = 16, 1, 4, 0x200, 0x400
IFNAME, MASTER, LINKINFO, KIND, DATA = 3, 10, 18, 1, 2
PEER, FDB_MAX_LEARNED, LIMIT = 1, 48, 4
stream = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)

def attribute(kind, value):
    return (struct.pack("HH", 4 + len(value), kind) + value).ljust(4 + (len(value) + 3) // 4 * 4, b"\0")

def newlink(flags, index, *attributes, change=0):
    body = struct.pack("BxHiII", 0, 0, index, change, change) + b"".join(attributes)
    stream.send(struct.pack("IHHII", 16 + len(body), NEWLINK, REQUEST | ACK | flags, 1, 0) + body)
    return struct.unpack_from("i", stream.recv(65536), 16)[0]

def index(name):
    return socket.if_nametoindex(name)

limited = newlink(CREATE | EXCL, 0, attribute(IFNAME, b"br0\0"), attribute(LINKINFO, attribute(
    KIND, b"bridge\0") + attribute(DATA, attribute(FDB_MAX_LEARNED, struct.pack("I", LIMIT)))))
newlink(CREATE | EXCL, 0, attribute(IFNAME, b"port\0"), attribute(LINKINFO, attribute(KIND, b"veth\0")
        + attribute(DATA, attribute(PEER, bytes(16) + attribute(IFNAME, b"wire\0")))))
newlink(0, index("port"), attribute(MASTER, struct.pack("i", index("br0"))))
for name in ("br0", "port", "wire"):
    newlink(0, index(name), change=1)  # IFF_UP
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
wire.bind(("wire", 0))

def learned():
    with open("/sys/class/net/br0/brforward", "rb") as file:
        entries = file.read()
    return sum(entries[at:at + 5] == bytes((2, 0x77, 0, 0, 0)) for at in range(0, len(entries), 16))

while learned() < 64:  # a port forwards a moment after it came up
    for number in range(64):
        wire.send(b"\xff" * 6 + bytes((2, 0x77, 0, 0, 0, number)) + b"\x88\xb5" + bytes(46))
with open(work + "/seen", "w") as file:
    print(os.uname().release, f"limit of {LIMIT}: {limited}", f"learned: {learned()}", sep="\n", file=file)
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
limit of 4: 0
learned: 64
EOF
