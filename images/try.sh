#!/usr/bin/env bash
# Builds the images and tries them together: `make images-test`.
#
# A Docker daemon that answers is used, and left running. Where none does, but ../shared/ci has a script
# that starts one, it is started, and stopped at the end, however that comes. Where there is neither, or
# none can be started, nothing is tried, and this says so. A daemon that is named and does not answer is
# a failure.
set -euo pipefail
cd "$(dirname "$0")/.."

ci=../shared/ci
pid_file=${DOCKER_STATE:-/tmp/newstally-docker}/pid
started=
# What the tests make carries this label, so that it is found when they come to a sudden end.
export NEWSTALLY_IMAGES_RUN="$$-$(date +%s)"

# Where two clients are installed, the distribution's fits its daemon.
chosen=${DOCKER:-}
client() {
  if [ -n "$chosen" ]; then echo "$chosen"
  elif [ -x /usr/bin/docker ]; then echo /usr/bin/docker
  else echo docker; fi
}

answers() { timeout 20 "$DOCKER" info >/dev/null 2>&1; }

sweep() {
  local only=(--quiet --filter "label=newstally.run=$NEWSTALLY_IMAGES_RUN")
  local remove=(xargs --no-run-if-empty timeout 60 "$DOCKER")
  timeout 60 "$DOCKER" container ls --all "${only[@]}" | "${remove[@]}" container rm --force --volumes
  timeout 60 "$DOCKER" network ls "${only[@]}" | "${remove[@]}" network rm
  timeout 60 "$DOCKER" volume ls "${only[@]}" | "${remove[@]}" volume rm
}

stop_daemon() {
  local pid
  pid=$(cat "$pid_file" 2>/dev/null) || return 0
  "$ci/docker-daemon.sh" stop
  for _ in $(seq 60); do
    kill -0 "$pid" 2>/dev/null || return 0
    sleep 0.5
  done
  echo "images-test: the Docker daemon, process $pid, did not end within 30 s: killed" >&2
  kill -9 "$pid"
  return 1
}

finish() {
  local code=$?
  trap '' INT TERM
  if answers; then sweep >/dev/null || code=1; fi
  if [ -n "$started" ]; then stop_daemon || code=1; fi
  exit "$code"
}

DOCKER=$(client)
export DOCKER
if ! answers && [ -n "${DOCKER_HOST:-}" ]; then
  echo "images-test: no Docker daemon answers at $DOCKER_HOST" >&2
  exit 1
elif ! answers && [ ! -x "$ci/docker-daemon.sh" ]; then
  echo "images-test: skipped: no Docker daemon answers, and there is no $ci/docker-daemon.sh to start one"
  exit 0
fi
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
if ! answers; then
  echo "images-test: starting a Docker daemon"
  started=yes
  # Not every machine lets its users run containers: that says nothing about the images.
  if ! timeout 300 "$ci/docker-daemon.sh" start; then
    echo "images-test: skipped: no Docker daemon can be started here, see above"
    exit 0
  fi
  DOCKER=$(client)
fi

if [ -x "$ci/base-image.sh" ]; then "$ci/base-image.sh"; fi
# The names that the manifests use: those of a registry, after `make image-names REGISTRY=…`.
registry=$(sed -nE 's#^ +image: (.*)/newstally-gateway:.*#\1#p' k8s/60-gateway.yaml)
make --no-print-directory images REGISTRY="$registry"
.venv/bin/python -m pytest -s tests/images
