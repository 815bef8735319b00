#!/usr/bin/env bash
# The model of liveness/: every accepted job eventually resolves, and `join` eventually returns, under weak
# fairness. Then the same model with faults planted in it, each of which must be found.
. "$(dirname "$0")/lib.sh"

apt_install spin gcc libc6-dev
mkdir -p "$target_dir"
work=$(mktemp -d "$(realpath "$target_dir")/liveness.XXXXXX")
trap 'status=$?; rm -rf "$work"; finish $status' EXIT
model=$(realpath liveness/pool.pml)
cd "$work"

# search PROPERTY DEFINES...: leaves what was found in pan.log. `safety` looks for failed assertions and for states
# in which nobody can go on; any other property for cycles as well, among those that are weakly fair.
search() {
    local property=$1 flags=(-DSAFETY -DNOCLAIM) options=()
    shift
    if [[ $property != safety ]]; then
        flags=(-DNFAIR=4)
        options=(-a -f -N "$property")
    fi
    spin -a "$@" "$model" >spin.log || { cat spin.log && fail "spin does not take the model"; }
    gcc -O2 "${flags[@]}" -DMEMLIM=6000 -o pan pan.c
    ./pan -m1000000 "${options[@]}" >pan.log || { cat pan.log && fail "the search broke off"; }
}

states() {
    awk '/states, stored/ { print $1 }' pan.log | head -n 1
}

# holds PROPERTY DEFINES...
holds() {
    local start=$SECONDS
    search "$@"
    if ! grep -q 'errors: 0$' pan.log || grep -q 'Search not completed' pan.log; then
        cat pan.log
        fail "$* does not hold; liveness/README.md says how to see why"
    fi
    echo "holds: $*: $(states) states, $((SECONDS - start)) s"
    executed=$((executed + 1))
}

# finds FAULT PROPERTY DEFINES...
finds() {
    local start=$SECONDS
    search "${@:2}" "-D$1"
    grep -q 'errors: [1-9]' pan.log || fail "the fault $1 is not found by ${*:2}"
    echo "found: $1, by ${*:2}: $(states) states, $((SECONDS - start)) s"
    executed=$((executed + 1))
}

finds LOST_WAKE safety -DWORKERS=1
finds LOST_WAKE first -DWORKERS=1
finds LOST_WAKE join_returns -DWORKERS=1 -DDETACHED
finds CLOSE_QUIET safety -DWORKERS=1
finds ROOM_UNSEEN safety -DWORKERS=1 -DCAPACITY=1 -DDETACHED
holds safety -DWORKERS=1
holds safety -DWORKERS=1 -DCAPACITY=1 -DDETACHED
holds first -DWORKERS=1
holds second -DWORKERS=1 -DCAPACITY=1 -DDETACHED
holds join_returns -DWORKERS=1 -DDETACHED
finds COUNT_LATE safety -DMEET -DDETACHED -DPATIENT
