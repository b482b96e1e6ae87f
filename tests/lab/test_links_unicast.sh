#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Two links as in lab/links, where no multicast passes: each datagram goes to every peer.
UNICAST=yes
. "$(dirname "$0")/test_links.sh"
