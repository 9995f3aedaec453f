#!/bin/sh
# Runs a script of this folder with $SHIFTWORK_PYTHON or python3; skipped where there is
# none.
python=${SHIFTWORK_PYTHON:-python3}
command -v "$python" >/dev/null || exit 77
script=$1
shift
exec "$python" "$(dirname "$0")/$script" "$@"
