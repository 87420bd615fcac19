#!/usr/bin/env bash
# GCC 12 puts a constexpr table whose type is deduced into writable memory.
#
# Guessed: `constexpr List table{...}` and `constexpr List<Named, 2> table{...}` are one and the same once
# class template argument deduction is done, and what is constexpr is read-only after relocation. Seen: with
# -fPIC and pointers in the table, the deduced one lies in .data.rel.local, which stays writable, the other in
# .data.rel.ro.local; `constexpr auto table = List{...}` is read-only too. So it is with std::array. A shared library
# whose tables must not be written to has to spell the type out, or use auto.
#
# Seen with Debian 12's g++ 12.2.0-14+deb12u1. Needs apt-get and dpkg; no network but Debian's
# archive; nothing stays.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get download -qq -o APT::Sandbox::User=root g++-12=12.2.0-14+deb12u1 libmpc3 libmpfr6 libgmp10 libisl23 libzstd1
for package in ./*.deb; do dpkg -x "$package" root; done

cat >table.cpp <<'EOF'
struct Named { const char* name; int value; };
template <class T, unsigned N> struct List { T items[N]; };
template <class T, class... More> List(T, More...) -> List<T, 1 + sizeof...(More)>;
constexpr List deduced{Named{"one", 1}, Named{"two", 2}};
constexpr List<Named, 2> written{Named{"one", 1}, Named{"two", 2}};
constexpr auto made = List{Named{"one", 1}, Named{"two", 2}};
const Named* first(int i) { return &deduced.items[i]; }
const Named* second(int i) { return &written.items[i]; }
const Named* third(int i) { return &made.items[i]; }
EOF
LD_LIBRARY_PATH=$(echo root/usr/lib/*-linux-gnu) root/usr/lib/gcc/*/12/cc1plus -quiet -std=c++20 -O2 -fPIC \
  table.cpp -o table.s
awk '/^\t\.section/ {section = $2; sub(",.*", "", section)}
     /^_ZL[0-9]/ {name = $1; gsub("^_ZL[0-9]+|:", "", name); print name, section}' table.s | sort >seen
cat seen
diff seen - <<'EOF' && echo "as found"
deduced .data.rel.local
made .data.rel.ro.local
written .data.rel.ro.local
EOF
