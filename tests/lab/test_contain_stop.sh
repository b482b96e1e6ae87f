#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# As lab/contain, with a replication process that stands still until the core takes it for dead.
FAULTS=stopped
. "$(dirname "$0")/test_contain.sh"
