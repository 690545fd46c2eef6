#!/usr/bin/env bash
# The archive of a release in target/dist: binary, manual pages, completions, and a checksum beside it.
# build.sh [TARGET], such as x86_64-unknown-linux-musl; the machine's own where absent. The binary must run here,
# since it makes its own manual pages. The same commit and compiler give the same archive.
set -euo pipefail
cd "$(dirname "$0")/../.."
target=${1:-$(rustc -vV | sed -n 's/^host: //p')}
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
built=${CARGO_TARGET_DIR:-target}
name=tollgate-$version-$target

cargo build --profile published --locked --target "$target"

dist=target/dist
rm -rf "${dist:?}/$name" "$dist/$name".tar.gz*
mkdir -p "$dist/$name"
cp "$built/$target/published/tollgate" README.md CHANGELOG.md LICENSE "$dist/$name/"
deploy/release/assets.sh "$dist/$name/tollgate" "$dist/$name"
tar --sort=name --mtime="@$epoch" --owner=0 --group=0 --numeric-owner --mode=u+rwX,go+rX,go-w \
  -C "$dist" -cf - "$name" | gzip -n9 > "$dist/$name.tar.gz"
(cd "$dist" && sha256sum "$name.tar.gz" > "$name.tar.gz.sha256" && sha256sum --check "$name.tar.gz.sha256")
