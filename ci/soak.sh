#!/usr/bin/env bash
# Ten million jobs with random panics, cancels, time-outs and deadlines, a million on 64 workers for each CPU, and a
# hundred thousand pools: nothing is lost, memory and threads are flat. Arguments: fewer jobs, fewer pools.
. "$(dirname "$0")/lib.sh"

run cargo run --locked --release -p ringpool-tests --bin soak -- "${1:-10000000}" "${2:-100000}"
