/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Everything the replication of one router counts. One list: enum, name in JSON, meaning.
 * The shell counts what only it sees: events (except those of local flows), bytes, tx_errors, bad
 * header, seal and key, applied_put, applied_del, apply_clash and apply_reduced. The engine counts
 * the rest, expectations' among them. */
#ifndef VROUTER_COUNTERS_H
#define VROUTER_COUNTERS_H

#include <stdint.h>

#define SYNC_COUNTERS(X)                                                                           \
	/* capture */                                                                              \
	X(EVENTS, "events", "conntrack events read from the kernel")                               \
	X(EVENTS_OWN, "events_own", "events of our own writes, ignored")                           \
	X(EVENTS_LOCAL, "events_local", "events of flows that do not go through the router")       \
	X(EVENTS_FILTERED, "events_filtered",                                                      \
	  "events of flows outside of the filter (but for what the kernel dropped already)")       \
	X(EVENTS_BAD, "events_bad", "events that could not be parsed")                             \
	X(EVENT_OVERRUNS, "event_overruns", "times the kernel dropped events (ENOBUFS)")           \
	/* sender */                                                                               \
	X(COALESCED, "coalesced", "changes merged into another before they were sent")             \
	X(HOLD_ENDED, "hold_ended", "new flows that ended while they were held back, never sent")  \
	X(HOLD_FULL, "hold_full", "new flows sent early: too many were held back")                 \
	X(TX_PUT, "tx_put", "PUT operations sent")                                                 \
	X(TX_DEL, "tx_del", "DEL operations sent")                                                 \
	X(TX_EXPECT, "tx_expect", "expectations sent, listed ones too")                            \
	X(TX_EXPECT_DEL, "tx_expect_del", "ends of expectations sent")                             \
	X(EXPECT_LEFT_OUT, "expect_left_out",                                                      \
	  "expectations not sent: without a master, or beyond 4096 in a listing")                  \
	X(TX_DATAGRAMS, "tx_datagrams", "datagrams sent, first time")                              \
	X(TX_BYTES, "tx_bytes", "bytes sent, UDP payload")                                         \
	X(TX_RESENT, "tx_resent", "datagrams sent again")                                          \
	X(TX_GONE, "tx_gone", "requests for datagrams that had left the ring")                     \
	X(TX_ASKED, "tx_asked", "times the source was asked whether it is well")                   \
	X(TX_VOUCHED, "tx_vouched", "times that was answered as source")                           \
	X(TX_BEATS, "tx_beats", "heartbeats sent as source")                                       \
	X(TX_HANDOVER, "tx_handover", "times the source was asked to hand over")                   \
	X(TX_ERRORS, "tx_errors", "datagrams the kernel did not take")                             \
	X(REPAIRS_SERVED, "repairs_served", "repairs sent as source")                              \
	X(COMPARES, "compares", "comparisons started as source: digests of the table sent")        \
	X(REPAIR_FLOWS, "repair_flows", "flows sent for repairs")                                  \
	/* receiver */                                                                             \
	X(RX_DATAGRAMS, "rx_datagrams", "datagrams accepted")                                      \
	X(RX_BYTES, "rx_bytes", "bytes received, UDP payload")                                     \
	X(RX_DUPLICATE, "rx_duplicate", "datagrams seen before")                                   \
	X(RX_REORDERED, "rx_reordered", "datagrams that waited for an earlier one")                \
	X(RX_GAPS, "rx_gaps", "gaps asked for (NACK)")                                             \
	X(RX_DROPPED, "rx_dropped", "datagrams beyond the reorder buffer")                         \
	X(RX_OTHER_STREAM, "rx_other_stream", "datagrams of a stream that is not followed")        \
	X(RX_BAD_HEADER, "rx_bad_header", "datagrams without a valid header")                      \
	X(RX_OTHER_ROUTER, "rx_other_router", "datagrams of routers that are not configured here") \
	X(RX_BAD_SEAL, "rx_bad_seal", "datagrams that did not unseal")                             \
	X(RX_BAD_KEY, "rx_bad_key", "datagrams sealed with a key we do not have")                  \
	X(RX_BAD_BODY, "rx_bad_body", "datagrams whose content could not be decoded")              \
	X(RX_REPLAYED, "rx_replayed", "control datagrams seen before")                             \
	X(RX_UNPROVEN, "rx_unproven",                                                              \
	  "datagrams of a lifetime that has not (yet) answered a challenge, or of an old one")     \
	X(RX_OWN, "rx_own", "own datagrams that came back")                                        \
	X(RX_ID_CLASH, "rx_id_clash", "datagrams of another controller with our id")               \
	X(RX_NO_PLACE, "rx_no_place", "control datagrams of controllers beyond the peer table")    \
	X(RX_BEATS, "rx_beats", "heartbeats of the followed source")                               \
	X(RX_PULSES, "rx_pulses",                                                                  \
	  "pulses of other controllers' replication processes, of all routers together")           \
	X(RX_PULSES_BAD, "rx_pulses_bad",                                                          \
	  "pulses that did not unseal, could not be decoded or were not proven")                   \
	X(PULSES_LOST, "pulses_lost", "times that another process was silent for a second")        \
	X(BEATS_MISSING, "beats_missing", "times that heartbeats were missing")                    \
	X(REPAIRS, "repairs", "repairs completed as replica")                                      \
	X(REPAIRS_FAILED, "repairs_failed", "repairs as replica that were broken off")             \
	X(REPAIR_DELETED, "repair_deleted",                                                        \
	  "flows deleted by repairs: the source did not have them")                                \
	X(AUDITS, "audits", "comparisons of a table that was thought to be equal")                 \
	X(AUDIT_DIFFER, "audit_differ", "buckets that were found to differ by them")               \
	X(VERIFIES, "verifies", "comparisons flow by flow, asked for by vrouterctl verify")        \
	X(VERIFY_DIFFER, "verify_differ", "flows that were found to differ by them")               \
	/* apply */                                                                                \
	X(APPLIED_PUT, "applied_put", "flows inserted or updated in the kernel")                   \
	X(APPLIED_DEL, "applied_del", "flows deleted from the kernel")                             \
	X(APPLIED_EXPECT, "applied_expect", "expectations put into the kernel")                    \
	X(APPLIED_EXPECT_DEL, "applied_expect_del", "expectations deleted from the kernel")        \
	X(EXPECT_SWEPT, "expect_swept",                                                            \
	  "expectations deleted by listings: the source did not have them")                        \
	X(EXPECT_REFUSED, "expect_refused",                                                        \
	  "expectations the kernel refused: no such master, helper, function or room")             \
	X(APPLY_MISSING, "apply_missing", "changes of a flow that was not there")                  \
	X(APPLY_CLASH, "apply_clash", "own entries removed because the source's flow wins")        \
	X(APPLY_TABLE_FULL, "apply_table_full", "insertions refused by a full conntrack table")    \
	X(APPLY_REDUCED, "apply_reduced",                                                          \
	  "helpers, masters and labels the kernel refused; the flow is there without")             \
	X(APPLY_ERRORS, "apply_errors", "changes the kernel refused for another reason")           \
	X(REARMED, "rearmed", "flow timeouts set back to normal after promotion")                  \
	/* protocol = "conntrackd" */                                                              \
	X(CTD_SHORT, "ctd_short", "messages of conntrackd that end too early")                     \
	X(CTD_LENGTH, "ctd_length", "messages with a length that cannot be")                       \
	X(CTD_VERSION, "ctd_version", "messages of another version of its protocol")               \
	X(CTD_TYPE, "ctd_type", "messages of a type that does not exist")                          \
	X(CTD_ATTR, "ctd_attr", "messages with an attribute that does not exist, or twice")        \
	X(CTD_VALUE, "ctd_value", "messages with a value out of its range")                        \
	X(CTD_MISSING, "ctd_missing", "messages that do not say what they are about")              \
	X(CTD_UNSUPPORTED, "ctd_unsupported", "messages about what its protocol cannot name")      \
	X(CTD_LOCAL, "ctd_local", "messages about flows that do not go through the router")        \
	X(CTD_LATE, "ctd_late", "messages that came behind a later one")                           \
	X(CTD_LOST, "ctd_lost", "messages that were missing when a later one came")                \
	X(CTD_STRANGER, "ctd_stranger", "datagrams from addresses that are not among the peers")   \
	X(CTD_LEFT_OUT, "ctd_left_out", "changes not sent: its protocol cannot tell them")

enum sync_counter {
#define X(id, name, text) SYNC_##id,
	SYNC_COUNTERS(X)
#undef X
		SYNC_COUNTER_N
};

struct sync_counters {
	uint64_t v[SYNC_COUNTER_N];
};

const char *sync_counter_name(enum sync_counter c); /* as in JSON */
const char *sync_counter_text(enum sync_counter c);

#endif
