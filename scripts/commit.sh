#!/bin/sh
# The commit of this checkout, read without git: in the image's build there is
# none. Prints nothing where .git is not a folder, as in an archive.
set -eu
cd "$(dirname "$0")/.."
[ -f .git/HEAD ] || exit 0
head=$(cat .git/HEAD)
case $head in
"ref: "*) ref=${head#ref: } ;;
*) echo "$head"; exit ;;
esac
if [ -f ".git/$ref" ]; then
  cat ".git/$ref"
elif [ -f .git/packed-refs ]; then
  sed -n "s|^\([0-9a-f]*\) $ref\$|\1|p" .git/packed-refs
fi
