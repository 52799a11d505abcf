#!/bin/sh
# Installs distributions of this repository, and nothing but them and what they need, into
# /opt/newstally:   install.sh gateway protos runtime gateway
# The first word names the lock: versions of what comes from outside, with the hashes of its files.
set -eu
python=/opt/newstally/bin/python
lock=$1
shift

pip install --quiet --only-binary :all: --require-hashes --requirement locks/building.txt
for distribution; do
  pip wheel --quiet --no-deps --no-build-isolation --wheel-dir /wheels "./$distribution"
done
python3 -m venv --without-pip /opt/newstally
# There is no compiler here, so what has no wheel is an error and not an attempt.
pip --python "$python" install --quiet --no-compile --only-binary :all: --no-deps \
  --require-hashes --requirement "locks/$lock.txt"
# Our own distributions are given as files: an index is never asked for their names.
pip --python "$python" install --quiet --no-compile --no-deps --no-index /wheels/*.whl
# Nothing is missing, and nothing has another version than it asks for.
pip --python "$python" check

# Only these come with debugging symbols (12 MB of 14 in uvloop). Libraries that a wheel brings along
# were patched when it was made, and stripping breaks some of them.
find /opt/newstally/lib -type f -name '*.so' \( -path '*/uvloop/*' -o -path '*/cryptography/*' \) \
  -exec strip --strip-unneeded {} +
# The same sources give the same bytes: hashes instead of times, and no look at the source at start.
"$python" -m compileall -q --invalidation-mode unchecked-hash /opt/newstally/lib
