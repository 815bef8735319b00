#!/usr/bin/env bash
# Whether the models notice weaker memory orderings, and faults in the protocols. Without an argument: every eighth of
# the mutants that mutants/MUTANTS.md calls killed, each on the model that is named there. With `--all`: all of them on
# all models that reach them, and MUTANTS.md is written anew.
. "$(dirname "$0")/lib.sh"

if [[ ${1:-} == --all ]]; then
    run cargo test -p ringpool-mutants
    run cargo run --release -p ringpool-mutants -- --write
else
    run cargo run -p ringpool-mutants -- --sample 8
fi
