#!/usr/bin/env bash
# loom models: every interleaving of the core's races up to a stated number of preemptions.
#
#   ci/loom.sh           what ends soon, with at most one preemption: for the gate
#   ci/loom.sh all       every model, up to its bound in loom-tests/MATRIX.md
#   ci/loom.sh WORD…     the models of the matrix whose names hold a word, up to their bounds: `cancel+drop-pool`
. "$(dirname "$0")/lib.sh"

# Models run on stacks too small for the text of a backtrace.
export RUSTFLAGS="--cfg ringpool_loom" RUST_BACKTRACE=0 CARGO_TARGET_DIR=$target_dir/loom
mkdir -p "$target_dir"
log=$target_dir/loom.log

core=(cargo test --release -p ringpool-core --features alloc --lib models)
others=(cargo test --release -p ringpool-loom-tests --lib --test others)
pairs=(cargo test --release -p ringpool-loom-tests --test pairs --)
{
    case ${1:-} in
        "")
            export LOOM_MAX_PREEMPTIONS=1
            # Four threads, whose bound is the model's own.
            run "${core[@]}" -- --skip what_was_accepted_before_a_close_that_races_growth
            run "${others[@]}"
            run "${pairs[@]}" --soon
            ;;
        all)
            run "${core[@]}"
            run "${others[@]}"
            run "${pairs[@]}"
            ;;
        *) run "${pairs[@]}" "$@" ;;
    esac
} | tee "$log"
executed=$(awk '/^test result: ok\./ { passed += $4 } END { print passed + 0 }' "$log")
