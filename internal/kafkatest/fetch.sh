#!/usr/bin/env bash
# Fetches the jars of the Apache Kafka that pom.xml names into .kafka/jars at
# the repository's root. Does nothing when that pom's jars are there already.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=$(cd "$here/../.." && pwd)/.kafka

if cmp -s "$here/pom.xml" "$out/jars/pom.xml"; then
  exit 0
fi
command -v mvn >/dev/null || { echo "fetch.sh: no mvn on the PATH: install Maven and a Java 17 or newer" >&2; exit 1; }

# Into a folder beside, then renamed: jars/ is either complete or not there.
rm -rf "$out/new"
mkdir -p "$out/new"
mvn -B -q -f "$here/pom.xml" dependency:copy-dependencies \
  -DincludeScope=runtime -DoutputDirectory="$out/new"
cp "$here/pom.xml" "$out/new/"
rm -rf "$out/jars"
mv "$out/new" "$out/jars"
echo "Kafka is in .kafka/jars"
