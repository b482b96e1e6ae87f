/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two sync processes with a core that only this program plays, real conntrack tables and a real
 * network between them. test_sync.sh makes four network namespaces: two controllers, which can
 * reach each other through an interface "repl", and the router's of each.
 *
 *   sync_pair CONTROLLER_A ROUTER_A CONTROLLER_B ROUTER_B    names below /run/netns
 *
 * Everything is waited for with a deadline; times are printed and judged by nobody. */
#include <signal.h>
#include <string.h>

#include <linux/netfilter/nf_conntrack_tcp.h>

#include "sync_node.h"

static void both_start(void)
{
	start(&A);
	start(&B);
	wait_for(is_up, &A, 100, "UP and a report");
	wait_for(is_up, &B, 100, "UP and a report");
	wait_for(link_is_up, &A, 100, "the link");
	send_role(&A, SYNC_MSG_PROMOTE, 0);
	printf("promotion of an idle router: %.1f ms\n",
	       wait_for(is_promoted, &A, 100, "PROMOTED") * 1e3);
	check(A.term >= 1, "a term");
	wait_for(is_ready, &B, 100, "READY");
}

static void live_changes(void)
{
	double cpu_a = cpu_s(&A), cpu_b = cpu_s(&B), begin = seconds();

	make_flows(&A, 0, 20000);
	wait_equal("new flows");
	printf("20000 new flows: %.0f ms until equal, CPU %.2f + %.2f s\n",
	       (seconds() - begin) * 1e3, cpu_s(&A) - cpu_a, cpu_s(&B) - cpu_b);
	close_flows(&A, 0, 5000);
	end_flows(&A, 5000, 20000, 2);
	wait_equal("changes and ends");
	check(counter(&B, SYNC_APPLY_ERRORS) == 0 && counter(&B, SYNC_REPAIRS) <= 1,
	      "no error and no repair on a clean network");
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* From the packet's end to the other kernel's table. */
static void latency(void)
{
	double took[200];

	for (unsigned i = 0; i < ARRAY_LEN(took); i++) {
		struct flow f = flow_no(50000 + i), got;
		double begin;

		begin = seconds();
		make_flows(&A, 50000 + i, 50001 + i);
		while (table_get(B.table, &f, &got) != 0)
			check(seconds() - begin < DEADLINE_S, "a single flow");
		took[i] = seconds() - begin;
		pump(1);
	}
	qsort(took, ARRAY_LEN(took), sizeof(*took), by_value);
	printf("a single flow: median %.0f us, worst of %zu %.0f us\n",
	       took[ARRAY_LEN(took) / 2] * 1e6, ARRAY_LEN(took), took[ARRAY_LEN(took) - 1] * 1e6);
}

static uint64_t bytes_sent(void)
{
	return counter(&A, SYNC_TX_BYTES) + counter(&B, SYNC_TX_BYTES);
}

/* Bytes that it took, of both. */
static uint64_t join(const char *what, bool judge_memory)
{
	long idle_a = rss_kb(&A), idle_b;
	uint64_t bytes = counter(&A, SYNC_TX_BYTES), listed = counter(&A, SYNC_REPAIR_FLOWS);
	uint64_t compares = counter(&A, SYNC_COMPARES);
	double cpu_a = cpu_s(&A), wait_a = cpu_wait_s(&A), begin;

	start(&B);
	wait_for(is_up, &B, 1, "UP");
	idle_b = rss_kb(&B);
	begin = seconds();
	wait_for(is_ready, &B, 100, "READY");
	begin = seconds() - begin;
	bytes = bytes_sent() - bytes;
	listed = counter(&A, SYNC_REPAIR_FLOWS) - listed;
	compares = counter(&A, SYNC_COMPARES) - compares;
	printf("%s: %u flows ready after %.0f ms, %.0f kB, %llu comparisons, %llu listed, CPU %.2f "
	       "+ %.2f s, waited for a CPU "
	       "%.2f + %.2f s, RSS %ld -> %ld and %ld -> %ld kB\n",
	       what, count(&A), begin * 1e3, (double)bytes / 1e3, (unsigned long long)compares,
	       (unsigned long long)listed, cpu_s(&A) - cpu_a, cpu_s(&B), cpu_wait_s(&A) - wait_a,
	       cpu_wait_s(&B), idle_a, rss_kb(&A), idle_b, rss_kb(&B));
	wait_equal(what);
	if (judge_memory && (rss_kb(&A) - idle_a > RSS_MAX_KB || rss_kb(&B) - idle_b > RSS_MAX_KB))
		die("%s: memory grows with the number of flows", what);
	return bytes;
}

/* 1 % of the flows differ: a third is missing, a third too much, a third in another state. */
static void rejoin(uint64_t join_bytes)
{
	uint32_t n = FLOWS / 300;
	uint64_t bytes;

	kill_node(&B);
	end_flows(&B, 0, n, 1);
	make_flows(&B, FLOWS, FLOWS + n);
	close_flows(&B, n, 2 * n);
	bytes = join("rejoin with 1 % different", JUDGE_MEMORY);
	check(counter(&B, SYNC_REPAIR_DELETED) == n, "deleted exactly");
	if (bytes > join_bytes / 5)
		die("rejoin with 1 %% different: %llu bytes, %llu for all flows",
		    (unsigned long long)bytes, (unsigned long long)join_bytes);
	kill_node(&B);
	bytes = join("rejoin with nothing different", JUDGE_MEMORY);
	check(bytes < join_bytes / 10, "digests only");
}

static void joins(void)
{
	uint64_t bytes;

	kill_node(&B);
	end_flows(&B, 0, 60000, 1);
	end_flows(&A, 0, 60000, 1);
	make_flows(&A, 0, FLOWS);
	check(count(&A) == FLOWS, "all flows made");
	bytes = join("join with an empty table", JUDGE_MEMORY);
	rejoin(bytes);
	kill_node(&B);
	end_flows(&B, 0, 30000, 3);
	make_flows(&B, FLOWS, FLOWS + 5000);
	(void)join("rejoin with an old table", JUDGE_MEMORY);
}

static void loss(void)
{
	uint64_t gaps;
	double begin;

	in_controller(&B, "nft -f - <<-E\n"
			  "table inet loss { chain in { type filter hook input priority 0;\n"
			  "udp dport 3781 numgen random mod 100 < 10 drop; }; }\nE");
	begin = seconds();
	for (uint32_t i = 0; i < 20000; i += 500) {
		close_flows(&A, i, i + 500);
		end_flows(&A, i, i + 500, 2);
		pump(5);
	}
	wait_equal("10 % of datagrams lost");
	gaps = counter(&B, SYNC_RX_GAPS);
	printf("10 %% loss: equal %.0f ms after the first change, %llu gaps asked for\n",
	       (seconds() - begin) * 1e3, (unsigned long long)gaps);
	check(gaps > 0, "losses happened");
	in_controller(&B, "nft delete table inet loss");
	wait_for(is_ready, &B, 100, "READY");
}

/* The source does not read its events until the kernel drops some. */
static void overrun(void)
{
	check(kill(A.pid, SIGSTOP) == 0, "stop");
	for (unsigned i = 0; i < 2; i++) { /* 160,000 events: twice what its socket holds */
		end_flows(&A, 20000, FLOWS, 1);
		make_flows(&A, 20000, FLOWS);
	}
	end_flows(&A, 20000, FLOWS, 7);
	check(kill(A.pid, SIGCONT) == 0, "continue");
	printf("lost events: equal after %.0f ms\n", wait_equal("lost events") * 1e3);
	check(counter(&A, SYNC_EVENT_OVERRUNS) > 0, "an overrun happened");
	wait_for(is_ready, &B, 100, "READY");
}

static void garbage(void)
{
	in_controller(&A, "bash -c 'for i in 1 2 3 4; do head -c 700 /dev/urandom "
			  ">/dev/udp/10.99.0.2/3781; done'");
	while (counter(&B, SYNC_RX_BAD_HEADER) == 0)
		pump(10);
	check(query(&B)->status.phase == ENGINE_READY, "still READY");
	wait_equal("garbage");
}

static void wrong_key(void)
{
	B.key_id = 2;
	send_conf(&B);
	make_flows(&A, 20000, 20010);
	wait_for(is_alone, &B, 100, "ALONE with another key");
	check(counter(&B, SYNC_RX_BAD_KEY) > 0, "it counts them");
	B.key_id = 1;
	send_conf(&B);
	wait_for(is_ready, &B, 100, "READY with the key again");
	wait_equal("the key again");
}

static void link_lost(void)
{
	B.link_told = false;
	in_controller(&B, "ip link set repl down");
	wait_for(link_is_down, &B, 100, "a link that is down");
	end_flows(&A, 1, 1000, 2);
	in_controller(&B, "ip link set repl up");
	wait_for(link_is_up, &B, 100, "the link");
	wait_equal("a lost link");
	B.link_told = false;
	in_controller(&B, "ip link set repl down && ip link set repl name gone");
	wait_for(link_is_down, &B, 100, "an interface that is gone");
	in_controller(&B, "ip link set gone name repl && ip link set repl up");
	wait_for(link_is_up, &B, 100, "the link");
	wait_for(is_ready, &B, 100, "READY");
}

static void switchover(void)
{
	uint32_t term = A.term;

	make_flows(&A, 1, 500);
	send_role(&A, SYNC_MSG_DRAIN, 2000);
	printf("drain: %.1f ms\n", wait_for(is_drained, &A, 100, "DRAINED") * 1e3);
	check(A.drained_ok, "acknowledged");
	check(count(&A) == count(&B), "what is acknowledged is in the kernel");
	send_role(&A, SYNC_MSG_DEMOTE, 0);
	send_role(&B, SYNC_MSG_PROMOTE, term);
	printf("promotion with %u flows: %.1f ms\n", count(&B),
	       wait_for(is_promoted, &B, 100, "PROMOTED") * 1e3);
	check(B.term > term, "a higher term");
	wait_for(is_ready, &A, 100, "READY");
	wait_equal("a planned switchover");
	end_flows(&B, 20000, 30000, 2);
	close_flows(&B, 0, 10);
	wait_equal("changes of the new source");
}

static void crash(void)
{
	make_flows(&B, 20000, 30000);
	while (count(&A) != count(&B))
		pump(1);
	kill_node(&B);
	send_role(&A, SYNC_MSG_PROMOTE, B.term);
	printf("promotion after a crash: %.1f ms\n",
	       wait_for(is_promoted, &A, 100, "PROMOTED") * 1e3);
	check(A.term > B.term, "a higher term");
	end_flows(&A, 20000, 30000, 3);
	(void)join("the crashed one comes back", false);
}

/* The same by other ways, without a restart. */
static void other_ways(void)
{
	static const struct {
		const char *group, *peer_of_a, *peer_of_b;
		bool cut; /* as long as only one of them has changed */
		const char *why;
	} row[] = {
		{"ff15::77", NULL, NULL, true, "an IPv6 group"},
		{NULL, "10.99.0.2", "10.99.0.1", true, "unicast"},
		{"239.255.77.1", "10.99.0.2", NULL, false, "a group, and unicast one way"},
	};

	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		A.group = B.group = row[i].group;
		A.peer = row[i].peer_of_a;
		B.peer = row[i].peer_of_b;
		send_conf(&A);
		if (row[i].cut)
			wait_for(is_alone, &B, 100, row[i].why);
		send_conf(&B);
		wait_for(is_ready, &B, 100, row[i].why);
		/* full datagrams, too */
		end_flows(&A, 35000, 45000, 1 + (uint32_t)i);
		wait_equal(row[i].why);
	}
}

/* A smaller MTU behind our back. */
static void smaller_mtu(void)
{
	A.link_told = B.link_told = false;
	in_controller(&B, "ip link set repl down && ip link set repl mtu 900");
	wait_for(link_is_down, &B, 100, "the link down");
	wait_for(link_is_down, &A, 100, "no carrier");
	in_controller(&A, "ip link set repl down && ip link set repl mtu 900");
	in_controller(&A, "ip link set repl up");
	in_controller(&B, "ip link set repl up");
	wait_for(link_is_up, &A, 100, "the link");
	end_flows(&A, 45000, FLOWS, 2);
	wait_equal("a smaller MTU");
	wait_for(is_ready, &B, 100, "READY");
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--sync-worker") == 0) {
		close_range(SYNC_IPC_FD + 1, ~0U, 0);
		return sync_worker_main(false);
	}
	if (argc != 5)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	node_init(&A, "a", argv[1], argv[2]);
	node_init(&B, "b", argv[3], argv[4]);
	both_start();
	live_changes();
	latency();
	joins();
	loss();
	overrun();
	garbage();
	wrong_key();
	link_lost();
	switchover();
	crash();
	other_ways();
	smaller_mtu();
	kill_node(&A);
	kill_node(&B);
	puts("PASS");
	return EXIT_SUCCESS;
}
