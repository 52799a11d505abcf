#!/bin/sh
# Makes the root file system that the images share: the base without what only builds or installs.
# It runs in a stage of its own whose result is copied into an empty image, so that what is
# removed here is really gone. The package database stays, for scanners.
set -eu
python=/usr/local/lib/python3.11

find /usr/local -type f -name '*.so*' -exec strip --strip-unneeded {} +
apt-get purge --yes --quiet --auto-remove binutils >/dev/null

rm -rf "$python/site-packages" "$python/ensurepip" "$python/idlelib" "$python/lib2to3" \
  "$python/pydoc_data" "$python/test" "$python/tkinter" "$python/turtledemo" "$python"/config-*
mkdir "$python/site-packages"
find /usr/local/bin -mindepth 1 ! -name 'python' ! -name 'python3' ! -name 'python3.11' -delete
find "$python" -name __pycache__ -prune -exec rm -rf {} +
rm -rf /usr/local/include /usr/local/share /usr/local/lib/pkgconfig /root/.cache \
  /usr/share/doc /usr/share/info /usr/share/man /usr/share/locale /usr/share/lintian \
  /usr/share/bash-completion /var/cache /var/lib/apt/lists /var/log /tmp /src
mkdir -p /var/cache /var/lib/apt/lists /var/log
mkdir -m 1777 /tmp

# The interpreter's own modules, as the services': it cannot write them at run time.
python -m compileall -q --invalidation-mode unchecked-hash "$python"

groupadd --gid 10001 newstally
useradd --uid 10001 --gid 10001 --no-log-init --no-create-home --home-dir /tmp \
  --shell /usr/sbin/nologin newstally
