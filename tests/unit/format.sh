#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Every C file is as .clang-format has it. Outside of the tests, whose tables are long, no file has more than 600
# lines and no function more than 60.
cd "$(dirname "$0")/../.." || exit 1
command -v clang-format >/dev/null || exit 77

status=0
files=$(find conntrackd-conf daemon include netns sync tests -name '*.[ch]')
# shellcheck disable=SC2086 # a list of names without spaces
clang-format --dry-run --Werror $files || status=1
# shellcheck disable=SC2086
awk '
	FNR == 1 { open = 0 }
	/^{$/ { open = FNR }
	/^}$/ && open { if (FNR - open > 60 && FILENAME !~ /^tests/) { print FILENAME ":" open ": a function of " FNR - open " lines"; bad = 1 } open = 0 }
	FNR == 601 && FILENAME !~ /^tests/ { print FILENAME ": longer than 600 lines"; bad = 1 }
	END { exit bad }
' $files || status=1
exit $status
