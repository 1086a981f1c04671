#!/usr/bin/env bash
# make e2e: docker-compose.yml as an operator uses it, with the docker on the
# PATH, or an engine of its own where there is none (see engine.sh, exit 69).
#
#   E2E_IMAGES=local   with images that stand in for those that cannot be pulled
#   E2E_DIR=DIR        where its own engine and the stand-ins are kept, by default .e2e
#   RUN=TestCompose    only tests of these names
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
dir=${E2E_DIR:-$PWD/.e2e}

e2e/engine.sh start "$dir"
trap 'e2e/engine.sh stop "$dir"' EXIT
eval "$(e2e/engine.sh env "$dir")"
if [ "${E2E_IMAGES-}" = local ]; then
  e2e/standins.sh "$dir/standins"
else
  COMMIT=$(git rev-parse HEAD) docker compose build check
fi
E2E_ENGINE=$dir E2E=1 go run ./scripts/gotest -count=1 -v -timeout 60m -run "${RUN:-.}" ./e2e
