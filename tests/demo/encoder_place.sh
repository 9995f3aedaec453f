#!/bin/sh
# A relative SHIFTWORK_ENCODER starts from the folder of the caller, wherever the source
# tree is.
#
#   encoder_place.sh SOURCE_DIR
set -eu
source=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/mine"
cp "$source/tests/data/encoders/tiny-text/config.json" "$work/mine/"
cd "$work"
said=$(SHIFTWORK_ENCODER=mine "$source/tools/get-encoder")
[ "$said" = "encoder: using $work/mine" ] || { echo "FAILED: $said"; exit 1; }
if said=$(SHIFTWORK_ENCODER=none "$source/tools/get-encoder" 2>&1); then
    echo "FAILED: a folder that is not there was taken: $said"
    exit 1
fi
case $said in
*"$work/none has no config.json") ;;
*) echo "FAILED: $said"; exit 1 ;;
esac
