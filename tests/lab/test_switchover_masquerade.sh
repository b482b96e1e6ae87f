#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The same with masquerading, of which the kernel must not know: it would end flows with the address that they leave from.
. "$(dirname "$0")/test_switchover.sh" masquerade
