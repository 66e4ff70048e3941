#!/usr/bin/env bash
# Installs what `npm run build:wasm` needs, and nothing that is there already:
#   1. a Rust compiler whose wasm32-unknown-unknown target has its standard library:
#      `rustup target add`, or, where that cannot be fetched, Debian's rustc and a standard library built from its sources;
#   2. wasm-bindgen's command line tool, of exactly the version that crates/pixelcnn-wasm names;
#   3. wasm-pack;
#   4. the target wasm32-wasip1, on which `npm run check:rust` runs the core's tests.
# Sampling, training and `npm test` need none of it: the built files are committed.
set -euo pipefail
cd "$(dirname "$0")/.."

target=wasm32-unknown-unknown
test_target=wasm32-wasip1
wasm_pack_version=0.15.1
wasm_bindgen_sha256=c37f6904387d19a319525c74af274c73912f3871c35555aa49f3ea64ebb2fc7a # of the crate of the version below
wasm_bindgen_version=$(sed -n 's/^wasm-bindgen = .*version = "=\([0-9.]*\)".*/\1/p' crates/pixelcnn-wasm/Cargo.toml)
cargo_home=${CARGO_HOME:-$HOME/.cargo}
debian_packages=(rustc-web cargo-web rust-web-src rust-web-clippy rustfmt-web lld-22)

say() { printf 'setup-rust: %s\n' "$*"; }
fail() { printf 'setup-rust: %s\n' "$*" >&2; exit 1; }
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

# Whether a rustc can build for a target: its standard library is there.
has_target() {
  command -v "$1" >/dev/null && compgen -G "$("$1" --print target-libdir --target "$2" 2>/dev/null)/libstd-*.rlib" >/dev/null
}

install_debian_rust() {
  say "installing Debian's ${debian_packages[*]}"
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${debian_packages[@]}" gcc libc6-dev >/dev/null
}

# Debian packages the standard library for WASM as source only. It is built once, in a crate thrown away afterwards, and
# its libraries are put where rustc looks for an installed target: build_std TARGET CRATES.
build_std() {
  say "building the standard library for $1 (about a minute)"
  local target=$1 crates=$2 sysroot crate library registry remap
  sysroot=$(/usr/bin/rustc --print sysroot)
  crate=$(mktemp -d)
  mkdir "$crate/src"
  printf '[package]\nname = "throwaway"\nversion = "0.0.0"\nedition = "2021"\n[lib]\npath = "src/lib.rs"\n[workspace]\n' >"$crate/Cargo.toml"
  : >"$crate/src/lib.rs"
  # Panic messages name source files. The folders they lie in here are nobody's business, and would make the binary differ
  # from one machine to the next.
  library=$(readlink -f "$sysroot/lib/rustlib/src/rust")
  remap="--remap-path-prefix=$sysroot/lib/rustlib/src/rust=/rust --remap-path-prefix=$library=/rust"
  PATH=/usr/bin:$PATH /usr/bin/cargo fetch --quiet --target "$target" --manifest-path "$library/library/Cargo.toml"
  # The last match wins: the widest folder first.
  remap+=" --remap-path-prefix=$cargo_home=/cargo"
  for registry in "$cargo_home"/registry/src/*; do remap+=" --remap-path-prefix=$registry=/cargo"; done
  (
    cd "$crate"
    PATH=/usr/bin:$PATH RUSTC_BOOTSTRAP=1 RUSTFLAGS="-Cembed-bitcode=yes $remap" \
      CARGO_TARGET_DIR="$crate/target" CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=wasm-ld-22 \
      /usr/bin/cargo build --quiet --release -Zbuild-std="$crates" --target "$target"
  )
  as_root mkdir -p "$sysroot/lib/rustlib/$target/lib"
  find "$crate/target/$target/release/deps" -name '*.rlib' ! -name 'libthrowaway-*' -print0 |
    as_root xargs -0 cp -t "$sysroot/lib/rustlib/$target/lib"
  rm -rf "$crate"
}

# From the crate of that sha256, with what it depends on as scripts/wasm_bindgen_cli.lock has it.
install_wasm_bindgen() {
  local crate folder
  folder=$(mktemp -d)
  (cd "$folder" && cargo info --quiet "wasm-bindgen-cli@$wasm_bindgen_version" >/dev/null) # fetches this crate alone
  crate=$(compgen -G "$cargo_home/registry/cache/*/wasm-bindgen-cli-$wasm_bindgen_version.crate" | head -n 1) ||
    fail "cargo fetched no wasm-bindgen-cli $wasm_bindgen_version"
  echo "$wasm_bindgen_sha256  $crate" | sha256sum --check --status ||
    fail "$crate: expected sha256 $wasm_bindgen_sha256, got another; with another version, pin its hash and its lock file"
  tar -xzf "$crate" -C "$folder" --strip-components=1
  cp scripts/wasm_bindgen_cli.lock "$folder/Cargo.lock"
  cargo install --quiet --locked --path "$folder"
  rm -rf "$folder"
}

if has_target rustc "$target"; then
  say "$(rustc --version) builds for $target: kept"
elif has_target /usr/bin/rustc "$target"; then
  say "$(/usr/bin/rustc --version) in /usr/bin builds for $target: kept"
elif command -v rustup >/dev/null && say "rustup target add $target" && timeout 300 rustup target add "$target"; then
  :
elif command -v apt-get >/dev/null; then
  say "no rustup that can fetch $target: taking Debian's Rust"
  [ -x /usr/bin/rustc ] && [ -x /usr/bin/cargo ] && command -v wasm-ld-22 >/dev/null || install_debian_rust
  build_std "$target" std,panic_abort
else
  fail "found no Rust for $target: install rustup from https://rustup.rs, then run this again"
fi

export PATH="$cargo_home/bin:$PATH"
command -v cargo >/dev/null || fail "found no cargo: install rustup from https://rustup.rs, then run this again"

if [ "$(wasm-bindgen --version 2>/dev/null)" = "wasm-bindgen $wasm_bindgen_version" ]; then
  say "wasm-bindgen $wasm_bindgen_version: kept"
else
  say "installing wasm-bindgen-cli $wasm_bindgen_version (a few minutes)"
  install_wasm_bindgen
fi

if wasm-pack --version >/dev/null 2>&1; then
  say "$(wasm-pack --version): kept"
else
  say "installing wasm-pack $wasm_pack_version (a few minutes)"
  cargo install --quiet wasm-pack --locked --version "$wasm_pack_version"
fi

# The tests' target has a C library besides, which rustup's brings and Debian packages apart. Nothing is built for users with
# it: where it cannot be had, `npm run check:rust` says so.
if has_target rustc "$test_target" || has_target /usr/bin/rustc "$test_target"; then
  say "$test_target: kept"
elif command -v rustup >/dev/null && say "rustup target add $test_target" && timeout 300 rustup target add "$test_target"; then
  :
elif command -v apt-get >/dev/null; then
  say "no rustup that can fetch $test_target: taking Debian's Rust"
  [ -x /usr/bin/rustc ] && [ -x /usr/bin/cargo ] && command -v wasm-ld-22 >/dev/null || install_debian_rust
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends wasi-libc >/dev/null
  libc=$(/usr/bin/rustc --print sysroot)/lib/rustlib/$test_target/lib/self-contained
  as_root mkdir -p "$libc"
  as_root cp /usr/lib/wasm32-wasi/{crt1-command.o,crt1-reactor.o,libc.a} "$libc"
  build_std "$test_target" std,panic_abort,test
else
  say "found no Rust for $test_target: npm run check:rust will skip the tests on WASM"
fi

say "done: npm run build:wasm"
