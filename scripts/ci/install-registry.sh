#!/usr/bin/env bash
# Installs Debian's docker-registry, which packages/core/test/code/docker-registry.test.ts starts for
# itself. Where it cannot be had, this says so, and those tests say that they were skipped.
set -uo pipefail

if command -v docker-registry >/dev/null; then
  echo "docker-registry is there"
  exit 0
fi
if ! command -v apt-get >/dev/null || [ "$(id -u)" -ne 0 ]; then
  echo "left out: docker-registry (needs apt-get and root)"
  exit 0
fi
if ! { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
  --no-install-recommends docker-registry; } >/dev/null; then
  echo "left out: docker-registry (not to be had here)"
fi
