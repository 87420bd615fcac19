# The fast datapath's promises when something is wrong: tunnels that are dropped, peers that disagree,
# one MAC on two nodes, two peers with one short id. Sourced by fastdp.
# shellcheck shell=bash disable=SC2154

short_id() { # NODE [SEEN-BY]
  node "${2:-node1}" report -f .Router.Peers | jq --arg node "$1" '.[] | select(.NickName == $node) | .ShortID'
}
counter() { node "$1" metrics | awk -v name="$2" '$1 == name {print $2}'; } # NODE NAME
hairpins() { counter "$1" weft_odp_hairpin_conflicts_total; }

# node1 sends node3 frames for itself, as a node does that sees the topology otherwise: the first one
# makes a flow that drops them, without an echo, until node3 sees the topology otherwise, too.
hairpin() {
  local id packet flow counted before
  id=$(printf %06x $(($(short_id node4) | $(short_id node1) << 12)))
  packet='\x08\0\0\0'$(sed 's/../\\x&/g' <<<"$id")'\0\x02\0\0\0\0\x22\x02\0\0\0\0\x11\x88\xb5'$(printf '\\0%.0s' {1..46})
  send() { ip netns exec weft-lab-node1 bash -c 'for ((i = 0; i < $2; ++i)); do printf "$1" >/dev/udp/10.99.0.13/6784; done' - "$packet" "$1"; }
  flow() {
    flows node3 | jq -cM --arg key "TunnelFlowKey{id: 0000000000$id, ipv4src: 10.99.0.11, ipv4dst: 10.99.0.13}" \
      'map(select(.FlowKeys | index($key)) | .Actions)'
  }
  drops() { [[ $(flow) == '[[]]' ]]; }
  cured() { [[ $(flow) == '['* ]] && ! drops; }
  counted=$(hairpins node3)
  send 1
  wait_until 10 eval '(($(hairpins node3) > counted))' || true
  before=$(misses node3)
  send 200
  counted=$(($(hairpins node3) - counted)) before=$(($(misses node3) - before))
  verdict hairpin "200 more frames that would go back to node1 cost $before upcalls and count as $counted conflict" \
    "$counted == 1 && $before < 20"
  local dropped=0
  drops && dropped=1
  "$weft" lab cut node1 node3
  must 20 cured
  verdict hairpin "its flow dropped them until node1 was reached over another: $(flow)" "$dropped"
  "$weft" lab heal >/dev/null
  everyone_over_fastdp
}

# Somebody deletes node1's tunnels: it makes them again, and the kernel forwards over them.
deleted_tunnels() {
  local to
  to=$(mac p2)
  ip netns exec weft-lab-node1 ip link del vxlan-6784
  must 30 ip netns exec weft-lab-node1 ip link show vxlan-6784
  kernel_forwards() {
    local before
    before=$(packets "$to")
    inside p1 ping -q -c 20 -i 0.05 "$(address p2)" >"$work/ping" || true
    (($(lost "$work/ping") == 0 && $(packets "$to") >= before + 20))
  }
  must 30 kernel_forwards
  verdict deleted-tunnels "node1's tunnels were deleted and are back: $(lost "$work/ping") of 20 pings lost" "$(lost "$work/ping") == 0"
}

# Open vSwitch's daemon deletes every datapath when it opens its first bridge, as ovs-dpctl del-dp does.
deleted_datapath() {
  local delete lost_and_silence from
  delete=$(dirname "${BASH_SOURCE[0]}")/delete_datapath
  inside p1 ping -D -i 0.01 "$(address p2)" >"$work/ping" &
  local ping=$!
  pause 1
  from=$(now)
  ip netns exec weft-lab-node1 "$delete" datapath
  kernel_forwards() {
    local before to
    to=$(mac p2)
    before=$(packets "$to")
    pause 0.2
    (($(packets "$to") > before))
  }
  must 30 kernel_forwards
  stop_ping "$ping"
  lost_and_silence=$(silence "$work/ping" "$from")
  verdict deleted-datapath "node1's datapath was deleted and is back: longest silence ${lost_and_silence#* } ms" \
    "${lost_and_silence#* } < 1000"
}

# Another interface has the tunnels' name when node2 starts: node2 names it and leaves no datapath behind,
# sleeve carries the pods, and fastdp comes when the interface is gone. node2 has another short id then: p1 is
# not kept from p2 for long by what node1's flows still send by the former one.
tunnel_in_the_way() {
  local said began empty=1 reached=1
  kill_node node2
  ip netns exec weft-lab-node2 "$(dirname "${BASH_SOURCE[0]}")/delete_datapath" datapath
  ip -n weft-lab-node2 link del vxlan-6784 2>/dev/null || true # where it is an interface
  ip -n weft-lab-node2 link add vxlan-6784 type dummy
  start_node node2
  must 30 uses node1 node2 sleeve
  said=$(grep -c "the interface 'vxlan-6784' (dummy) is in the way" /run/weft-lab/lab/node2/weftd.log || true)
  ip -n weft-lab-node2 link show datapath >/dev/null 2>&1 || empty=0
  ip -n weft-lab-node2 link del vxlan-6784
  must 60 over_fastdp node2 3
  must 10 uses node1 node2 fastdp
  began=$(now)
  wait_until 15 inside p1 ping -q -c 1 -W 1 "$(address p2)" || reached=0
  verdict in-the-way "p1 reaches p2 after another $(awk "BEGIN {printf \"%.1f\", $(now) - $began}") s" "$reached"
  verdict in-the-way "node2 named what was in the way ($said times) and left $empty empty datapaths" "$said > 0 && $empty == 0"
}

# Somebody forges an ICMP report that node1's datagrams to node2 are too big: the kernel believes it for
# ten minutes and drops what fastdp sends. The node makes the kernel forget it.
forged_report() {
  local counted mtu began
  reports() { counter node1 weft_odp_forgotten_reports_total; }
  believed() { ip netns exec weft-lab-node1 ip route get 10.99.0.12 | grep -q 'mtu 552'; }
  mtu() { node node1 status connections | sed -n 's/.*10\.99\.0\.12:.* established fastdp .*mtu=//p'; }
  mended() { (($(reports) > counted)) && [[ $(mtu) == "$mtu" ]] && ! believed; }
  mtu=$(mtu) counted=$(reports) began=$(now)
  ip netns exec weft-lab-underlay python3 - "$(dirname "$0")/../hostile" <<'END'
import socket, sys
sys.path.insert(0, sys.argv[1])
import frames
with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as raw:
    for port in (6783, 6784):
        raw.sendto(frames.too_big("10.99.0.11", "10.99.0.12", port, 552, 0), ("10.99.0.11", 0))
END
  has_believed() { believed || (($(reports) > counted)); } # which was forgotten already
  verdict forged-report "the kernel of node1 believes a forged report" "$(has_believed && echo 1 || echo 0)"
  must 30 mended
  inside p1 ping -q -M do -s $((mtu - 28)) -c 20 -i 0.05 "$(address p2)" >"$work/ping" || true
  verdict forged-report "it forgot it and fastdp carries $(mtu) bytes again after $(awk "BEGIN {printf \"%.1f\", $(now) - $began}") s: $(lost "$work/ping") of 20 pings of that size lost" \
    "$(lost "$work/ping") == 0"
}

# Pods of two nodes send from one MAC: it moves with their frames, and others notice nothing. Then it
# comes home with p3's answer to p1's ARP request. The kernel gives p1 that answer and sends p1's waiting
# ping in one go, before node1's loop can replace the flow: if that still led to node2, this one ping
# arrives there, and only this one.
mac_on_two_sides() {
  local own moved upcalls by_old_flow later
  # Packets that node2 counted from p1 for the MAC; 0 without the flow.
  arrived() {
    flows node2 | jq --arg key "EthernetFlowKey{src: $(mac p1), dst: $(mac p3)}" \
      '[.[] | select(.FlowKeys | index($key)) | .Packets] | add // 0'
  }
  own=$(mac p2)
  inside p2 ip link set eth0 address "$(mac p3)"
  inside p1 ip neigh flush dev eth0
  moved=$(counter node1 weft_dataplane_mac_moves_total) upcalls=$(misses node1)
  inside p1 ping -q -i 0.01 "$(address p4)" >"$work/ping" &
  local others=$!
  inside p2 ping -q -i 0.02 "$(address p1)" >/dev/null &
  local first=$!
  inside p3 ping -q -i 0.02 "$(address p1)" >/dev/null &
  local second=$!
  pause 5
  moved=$(($(counter node1 weft_dataplane_mac_moves_total) - moved)) upcalls=$(($(misses node1) - upcalls))
  stop_ping "$others"
  wait "$first" "$second" || true
  inside p2 ip link set eth0 address "$own"
  inside p1 ip neigh flush dev eth0
  by_old_flow=$(arrived)
  inside p1 ping -c 20 -i 0.05 "$(address p3)" >"$work/cured" || true
  by_old_flow=$(($(arrived) - by_old_flow))
  later=$((19 - $(grep -c 'icmp_seq=\([2-9]\|1.\|20\) ' "$work/cured" || true)))
  verdict two-sides "one MAC on node2 and node3 moved $moved times with $upcalls upcalls in 5 s: $(lost "$work/ping") of $(awk '/transmitted/ {print $1}' "$work/ping") pings of others lost" \
    "$moved > 1 && $(lost "$work/ping") == 0"
  verdict two-sides "at home again, $(lost "$work/cured") of 20 of its own lost, $by_old_flow by the old flow, $later after the first" \
    "$(lost "$work/cured") == $by_old_flow && $later == 0"
}

# A node with a lower name and node3's short id appears: node3 takes another one, and flows follow.
short_id_collision() {
  local to old gap lost
  to=$(mac p3) old=$(short_id node3)
  inside p1 ping -D -i 0.01 "$(address p3)" >"$work/ping" &
  local ping=$!
  wait_until 10 counts_packets "$to"
  before=$(packets "$to")
  local began
  began=$(now)
  ip netns exec weft-lab-node4 python3 - "$(dirname "$0")/../interop/live" "$old" <<'END' &
import socket, sys
sys.path.insert(0, sys.argv[1])
from hostile import introduced
with socket.create_connection(("10.99.0.13", 6783)) as stream:
    stream.sendall(introduced(b"", Name="02:00:00:00:98:01", ShortID=sys.argv[2])[0])
    while stream.recv(1 << 16):
        pass
END
  local rival=$!
  changed() { [[ $(short_id node3 node1) != "$old" && $(short_id node3 node3) != "$old" ]]; }
  must 60 changed
  pause 2
  after=$(packets "$to")
  stop_ping "$ping"
  kill "$rival" 2>/dev/null || true
  read -r lost gap < <(silence "$work/ping" "$began")
  local id
  id=$(printf %06x $(($(short_id node1) | $(short_id node3) << 12)))
  local follows=0
  [[ $(flows node1) == *"SetTunnelAction{id: 0000000000$id, "* ]] && follows=1
  verdict collision "node3 gave up short id $old for $(short_id node3): $lost pings lost in $gap ms, the flow counted on" \
    "$gap < 1000 && $after > $before && $follows"
}

# node2 drops tunnel packets from node1, and with `both` those to it: sleeve carries the pods' frames
# until they pass again.
take_over() { # NAME [both]
  local to tunnels="table inet takeover {
    chain input { type filter hook input priority 0; ip saddr 10.99.0.11 udp dport 6784 drop; }
    ${2:+chain output { type filter hook output priority 0; ip daddr 10.99.0.11 udp dport 6784 drop; \}}
  }"
  to=$(mac p2)
  inside p1 ping -D -i 0.01 "$(address p2)" >"$work/ping" &
  local ping=$!
  inside p1 ping -D -i 0.01 127.0.0.1 >"$work/clock" & # stands still when the machine does
  local clock=$!
  wait_until 10 counts_packets "$to"
  local dropped passed before
  dropped=$(now)
  ip netns exec weft-lab-node2 nft -f - <<<"$tunnels"
  must 10 uses node1 node2 sleeve
  must 10 uses node2 node1 sleeve
  pause 1
  before=$(packets "$to") passed=$(now)
  ip netns exec weft-lab-node2 nft delete table inet takeover
  must 10 uses node1 node2 fastdp
  must 10 uses node2 node1 fastdp
  pause 1
  after=$(packets "$to")
  stop_ping "$ping"
  wait "$clock" || true
  local gap back still
  read -r _ gap < <(silence "$work/ping" "$dropped")
  read -r back _ < <(silence "$work/ping" "$passed")
  read -r _ still < <(silence "$work/clock" "$dropped")
  ((still < 200)) || echo $(($(<"$work/stood-still") + 1)) >"$work/stood-still"
  verdict "$1" "sleeve carried the ping $gap ms after tunnels were dropped" "$gap < 1000 && $gap > 100"
  verdict "$1" "back in the kernel without a loss: $back pings lost, its flow counted $((after - before)) packets" \
    "$back == 0 && $after > $before"
}
takeover() { take_over takeover both; }
takeover_one_way() { take_over takeover_one_way; }
takeover_encrypted() {
  "$weft" lab down >/dev/null
  (umask 077 && echo "any-$RANDOM-$RANDOM-phrase" >"$work/password")
  make_lab 2 --password-file "$work/password"
  take_over takeover_encrypted both
}
