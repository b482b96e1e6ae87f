#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The same with masquerading: the kernel ends such flows with the address that they leave from.
. "$(dirname "$0")/test_switchover.sh" masquerade
