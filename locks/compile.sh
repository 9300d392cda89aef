#!/bin/sh
# Writes the hash-locked requirement lists anew from setup.py. Needs uv (pip install uv).
# No registry host is written into them: pip asks whichever registry this machine is set up for.
set -eu
cd "$(dirname "$0")/.."
for python in 3.11 3.13; do
    for extra in "" dlib dev; do
        uv pip compile setup.py ${extra:+--extra "$extra"} --universal --python-version "$python" \
            --generate-hashes --no-emit-index-url --no-header --no-annotate --quiet --upgrade \
            --output-file "locks/python$python${extra:+-$extra}.txt"
    done
done
