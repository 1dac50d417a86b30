#!/bin/bash
# What ClusterFuzzLite runs in its container.
set -euo pipefail

exec "$SRC/bartizan/fuzz/oss-fuzz/build.sh"
