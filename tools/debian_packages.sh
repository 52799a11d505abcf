#!/usr/bin/env bash
# Installs packages of Debian that tests use where they are at hand: tools/debian_packages.sh prometheus …
# Where one cannot be had (no apt, not root, no mirror) it says so, and succeeds: those tests are skipped.
set -uo pipefail
cd /

not_installed() { echo "$1: not installed, so that tests that need it are skipped: $2"; }

policy=/usr/sbin/policy-rc.d
export DEBIAN_FRONTEND=noninteractive
install=(apt-get install --quiet --quiet --yes --no-install-recommends -o Dpkg::Use-Pty=0)
updated=

for package in "$@"; do
  status=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null)
  if [[ $status == installed ]]; then
    echo "$package: installed"
    continue
  elif ! command -v apt-get >/dev/null; then
    not_installed "$package" 'there is no apt-get'
    continue
  elif [[ $EUID -ne 0 ]]; then
    not_installed "$package" 'only root may'
    continue
  fi
  # Packages start their daemons, which would take ports and a core for nothing.
  if [[ ! -e $policy ]]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy"
  fi
  if [[ -z $updated ]] && ! "${install[@]}" --simulate "$package" >/dev/null 2>&1; then
    timeout 120 apt-get update --quiet --quiet >/dev/null 2>&1
    updated=yes
  fi
  if timeout 600 "${install[@]}" "$package" >/dev/null 2>&1; then
    echo "$package: installed"
  else
    not_installed "$package" 'apt-get could not'
  fi
done
exit 0
