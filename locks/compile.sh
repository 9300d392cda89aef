#!/bin/sh
# Writes the hash-locked requirement lists anew from setup.py. Needs uv (pip install uv).
# No registry host is written into them: pip asks whichever registry this machine is set up for.
set -eu
cd "$(dirname "$0")/.."
# face-recognition-ng asks for dlib, which would have to be compiled; dlib-bin is the same as a wheel.
without=$(mktemp)
trap 'rm -f "$without"' EXIT
printf 'dlib; python_version < "3"\n' >"$without"
for python in 3.11 3.13; do
    for extra in "" dlib dev; do
        uv pip compile setup.py ${extra:+--extra "$extra"} --universal --python-version "$python" \
            --generate-hashes --no-emit-index-url --no-header --no-annotate --quiet --upgrade \
            --output-file "locks/python$python${extra:+-$extra}.txt"
    done
    uv pip compile locks/rivals.in --override "$without" --universal --python-version "$python" \
        --generate-hashes --no-emit-index-url --no-header --no-annotate --quiet --upgrade \
        --output-file "locks/rivals-$python.txt"
done
