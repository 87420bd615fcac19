/// Names of the plugin's counters.

#include "counters.hpp"

namespace weft::odp {

Counters::Counters(Metrics& metrics)
    : misses(metrics.counter("weft_odp_flow_misses_total",
                             "Frames without a flow that the kernel handed up.")),
      heartbeats(metrics.counter("weft_odp_heartbeats_total", "Heartbeats of peers received.")),
      stray_heartbeats(metrics.counter("weft_odp_stray_heartbeats_total",
                                       "Heartbeats of a connection from elsewhere than its peer's "
                                       "address, refused.")),
      forgotten_reports(metrics.counter("weft_odp_forgotten_reports_total",
                                        "Times that the kernel had to forget path MTUs that ICMP "
                                        "told it of.")),
      overruns(metrics.counter("weft_odp_upcall_overruns_total",
                               "Times that the kernel had to drop upcalls: lanes were too slow.")),
      events_lost(metrics.counter("weft_odp_lane_events_lost_total",
                                  "Misses whose flow was not installed: the loop was too slow.")),
      executed(metrics.counter("weft_odp_executed_frames_total",
                               "Frames that the kernel was asked to encapsulate.")),
      execute_errors(metrics.counter("weft_odp_execute_errors_total",
                                     "Frames that the kernel refused to encapsulate.")),
      unknown_tunnel(metrics.counter("weft_odp_unknown_tunnel_frames_total",
                                     "Frames whose tunnel id names no known peer.")),
      strangers(metrics.counter("weft_odp_stranger_frames_total",
                                "Frames in tunnels from addresses of no neighbour, refused because "
                                "connections are encrypted.")),
      no_short_id(metrics.counter("weft_odp_no_short_id_frames_total",
                                  "Frames for peers whose short id is not known.")),
      hairpin_conflicts(metrics.counter("weft_odp_hairpin_conflicts_total",
                                        "Flows that would have sent frames back where they came "
                                        "from: two nodes disagree about the topology.")),
      displaced(metrics.counter("weft_odp_flows_displaced_total",
                                "Flows deleted to make room for others: those unused for longest, "
                                "of the origin with most.")),
      restored(metrics.counter("weft_odp_restored_total",
                               "Times that the datapath or ports of it were made again: another "
                               "program had deleted them.")),
      too_big(metrics.counter("weft_odp_too_big_frames_total",
                              "Frames larger than their path carries: cut into fragments, "
                              "answered with ICMP, or dropped where neither is allowed.")),
      no_buffer(metrics.counter("weft_odp_no_buffer_frames_total",
                                "Frames not cut to the end because the lane had no buffer.")) {}

}  // namespace weft::odp
