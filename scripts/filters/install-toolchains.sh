#!/usr/bin/env bash
# Installs the pinned toolchains of the filters in C++ and Rust, for scripts/filters/rebuild.mjs.
# Go's comes through the Go command, AssemblyScript's through npm. What cannot be installed here is
# named and left out: the rebuild then says that it could not rebuild that filter.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../examples/filters" || exit 1

install_debian_packages() {
  local packages
  mapfile -t packages < <(sort -u ./*/debian-packages.txt)
  if ! command -v apt-get >/dev/null || [ "$(id -u)" -ne 0 ]; then
    echo "left out: ${packages[*]} (needs apt-get and root)"
    return
  fi
  if ! { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
    --no-install-recommends "${packages[@]}"; } >/dev/null; then
    echo "left out: ${packages[*]} (not in these versions here)"
  fi
}

install_rust_targets() {
  local file channel target
  if ! command -v rustup >/dev/null; then
    echo "left out: Rust (needs rustup)"
    return
  fi
  for file in ./*/rust-toolchain.toml; do
    channel=$(sed -n 's/^channel = "\(.*\)"$/\1/p' "$file")
    target=$(sed -n 's/^targets = \["\(.*\)"\]$/\1/p' "$file")
    if ! rustup target add --toolchain "$channel" "$target" >/dev/null 2>&1 &&
      ! rustup toolchain install "$channel" --profile minimal --target "$target" >/dev/null 2>&1; then
      echo "left out: Rust $channel for $target (rustup cannot get it)"
    fi
  done
}

install_debian_packages
install_rust_targets
