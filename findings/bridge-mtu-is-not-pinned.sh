#!/usr/bin/env bash
# A bridge that is given the MTU it has goes on following its ports; only another value makes it stay.
#
# Guessed: a bridge keeps an MTU that was set by hand, whatever ports join (it remembers that somebody set it), so
# `ip link set br0 mtu 1500` on a bridge of 1500 states the wish. Seen: the kernel answers success to a value that the
# link has already and does not ask the bridge, so nothing is remembered, and a port of 1000 takes the bridge down to 1000.
# After any other value, and back, it stays at 1500. The same holds for an MTU given when the bridge is made.
#
# Seen on Linux 6.1.176, as Debian 12's package user-mode-linux 6.1um4+b13 has it. Needs apt-get, iproute2,
# kmod and root; no network but Debian's archive; nothing stays.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get download -qq -o APT::Sandbox::User=root user-mode-linux=6.1um4+b13
dpkg -x ./*.deb root
mkdir -p modules/lib
ln -s "$work/root/usr/lib/uml/modules" modules/lib/modules
depmod -b modules "$(ls modules/lib/modules)"

cat >init <<EOF
#!/bin/bash
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
modprobe -d $work/modules -a bridge veth
mtu_after_joining() { # BRIDGE
  ip link add p-\$1 mtu 1000 type veth peer name q-\$1
  ip link set p-\$1 master \$1
  cat /sys/class/net/\$1/mtu
}
{
  uname -r
  ip link add same type bridge
  ip link set same mtu 1500
  echo "set to the value it has: \$(mtu_after_joining same)"
  ip link add made mtu 1400 type bridge
  echo "made with 1400: \$(mtu_after_joining made)"
  ip link add other type bridge
  ip link set other mtu 1499
  ip link set other mtu 1500
  echo "set to another and back: \$(mtu_after_joining other)"
} >$work/seen 2>&1
echo o >/proc/sysrq-trigger
sleep 60
EOF
chmod +x init
timeout 60 root/usr/bin/linux.uml rootfstype=hostfs rootflags=/ rw mem=128M con=null con0=null \
  init="$work/init" </dev/null >log 2>&1 || true
cat seen
diff seen - <<'END' && echo "as found"
6.1.176
set to the value it has: 1000
made with 1400: 1000
set to another and back: 1500
END
