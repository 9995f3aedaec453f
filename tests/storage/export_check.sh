#!/bin/sh
# Runs export_check.py with $SHIFTWORK_PYTHON or python3; skipped where there is none.
python=${SHIFTWORK_PYTHON:-python3}
command -v "$python" >/dev/null || exit 77
exec "$python" "$(dirname "$0")/export_check.py" "$@"
