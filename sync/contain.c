/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See contain.h. */
#include "vrouter/contain.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <cap-ng.h>

#include "vrouter/log.h"

#define UNPRIVILEGED 65534

static bool realtime;
static cpu_set_t unpinned; /* none: it is not pinned */

/* Memory that is to come is locked only where no limit can make an allocation fail for it: the
 * capability that lifts the limit is given away. Pages are locked as they are touched, so nothing
 * grows by it. */
void contain_lock_memory(void)
{
	const struct rlimit none = {.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};
	int flags = MCL_CURRENT | MCL_ONFAULT;
	struct rlimit now;

	if (setrlimit(RLIMIT_MEMLOCK, &none) == 0 ||
	    (getrlimit(RLIMIT_MEMLOCK, &now) == 0 && now.rlim_cur == RLIM_INFINITY))
		flags |= MCL_FUTURE;
	if (mlockall(flags) < 0)
		log_warn("contain", NULL, "cannot lock memory (%s): CAP_IPC_LOCK allows it",
			 strerror(errno));
}

void contain_schedule(int priority)
{
	const struct sched_param p = {.sched_priority = priority};

	realtime = sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &p) == 0;
	if (!realtime)
		log_warn("contain", NULL, "no real-time priority (%s): CAP_SYS_NICE allows it",
			 strerror(errno));
}

/* Which CPUs are allowed may change while the process runs (cpusets, taskset), so it is asked. */
void contain_pin(void)
{
	cpu_set_t one, all;
	int here = realtime ? sched_getcpu() : -1;

	if (here < 0 || sched_getaffinity(0, sizeof(all), &all) < 0 || CPU_COUNT(&all) < 2)
		return;
	CPU_ZERO(&one);
	CPU_SET((size_t)here, &one);
	if (sched_setaffinity(0, sizeof(one), &one) == 0)
		unpinned = all;
}

void contain_unpin(void)
{
	if (CPU_COUNT(&unpinned) > 0)
		(void)sched_setaffinity(0, sizeof(unpinned), &unpinned);
	CPU_ZERO(&unpinned);
}

/* Another user where that is possible: nothing of root's can then be opened, whatever happens. */
int contain_drop_privileges(void)
{
	capng_clear(CAPNG_SELECT_BOTH);
	if (capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_NET_ADMIN) != 0)
		return -EINVAL;
	if (capng_change_id(UNPRIVILEGED, UNPRIVILEGED,
			    CAPNG_DROP_SUPP_GRP | CAPNG_CLEAR_BOUNDING) != 0) {
		/* a user namespace without that user, or no right to become another */
		capng_clear(CAPNG_SELECT_CAPS);
		if (capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_NET_ADMIN) !=
			    0 ||
		    capng_apply(CAPNG_SELECT_CAPS) != 0)
			return -EPERM;
	}
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0;
}
