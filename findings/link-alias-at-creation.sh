#!/usr/bin/env bash
# Linux takes IFLA_IFALIAS in the request that creates a link, answers success, and drops it.
#
# Guessed: RTM_NEWLINK with NLM_F_CREATE sets what it names, as it does for the MTU, the MAC and the
# queue length, so that a device never exists without its alias. Seen: the device has no alias, and
# no error says so; a second RTM_NEWLINK for the same device sets it. Whoever tells devices apart by their
# alias needs two requests, and must expect to find a device of its own without one after a crash.
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
os.system("mount -t sysfs sysfs /sys")
for module in glob.glob(work + "/root/usr/lib/uml/modules/*/kernel/drivers/net/veth.ko"):
    subprocess.run(["$insmod", module], check=True)
NEWLINK, REQUEST, ACK, EXCL, CREATE = 16, 1, 4, 0x200, 0x400
IFNAME, MTU, LINKINFO, IFALIAS, KIND = 3, 4, 18, 20, 1
stream = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)

def attribute(kind, value):
    return (struct.pack("HH", 4 + len(value), kind) + value).ljust(4 + (len(value) + 3) // 4 * 4, b"\0")

def newlink(flags, index, *attributes):
    body = struct.pack("BxHiII", 0, 0, index, 0, 0) + b"".join(attributes)
    stream.send(struct.pack("IHHII", 16 + len(body), NEWLINK, REQUEST | ACK | flags, 1, 0) + body)
    return struct.unpack_from("i", stream.recv(65536), 16)[0]

def read(name):
    with open("/sys/class/net/near/" + name) as file:
        return file.read().strip()

created = newlink(CREATE | EXCL, 0, attribute(IFNAME, b"near\0"), attribute(MTU, struct.pack("I", 1376)),
                  attribute(IFALIAS, b"mine"), attribute(LINKINFO, attribute(KIND, b"veth\0")))
first = f"created: {created}, mtu {read('mtu')}, alias '{read('ifalias')}'"
changed = newlink(0, int(read("ifindex")), attribute(IFALIAS, b"mine"))
second = f"changed: {changed}, alias '{read('ifalias')}'"
with open(work + "/seen", "w") as file:
    print(os.uname().release, first, second, sep="\n", file=file)
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
created: 0, mtu 1376, alias ''
changed: 0, alias 'mine'
EOF
