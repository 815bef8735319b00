#!/usr/bin/env bash
# The hot paths execute no more instructions than benches/INSTRUCTIONS.md says, nor so many fewer that the table is
# out of date. With --write, writes the table anew: after a change that is meant, or with another compiler.
. "$(dirname "$0")/lib.sh"

table=benches/INSTRUCTIONS.md
tolerance=4 # percent
[[ ${1:-} == "" || $1 == --write ]] || fail "usage: instructions.sh [--write]"

apt_install valgrind
cargo build --locked --release -p ringpool-benches --bin paths
paths=$target_dir/release/paths

# Instructions of so many units of a path, with everything before and after.
count() {
    local output
    output=$(valgrind --tool=cachegrind --cache-sim=no --cachegrind-out-file=/dev/null "$paths" "$1" "$2" 2>&1) ||
        fail "$1 failed: $output"
    sed -n 's/,//g; s/.*I *refs: *\([0-9]*\)$/\1/p' <<<"$output"
}

compiler="$(rustc --version), $(uname -m)"
recorded=$(sed -n 's/^Counted with: //p' "$table" 2>/dev/null || true)
new="# Instructions of the hot paths

Written by \`ci/instructions.sh --write\`; \`ci/instructions.sh\` compares. Valgrind counts 5,000 and 15,000 units; the
difference is the unit's. Time is noisy, these counts move by a hundredth at most.

Counted with: $compiler

| path | a unit is | instructions |
|---|---|---:|
"
worse=()
while IFS=$'\t' read -r name what; do
    few=$(count "$name" 5000)
    many=$(count "$name" 15000)
    now=$(((many - few + 5000) / 10000))
    ((now > 0)) || fail "$name: $few and $many instructions tell nothing"
    before=$(sed -n "s/^| $name | .* | \([0-9]*\) |\$/\1/p" "$table" 2>/dev/null || true)
    printf '%-14s %6d instructions, recorded: %s\n' "$name" "$now" "${before:-none}"
    new+="| $name | $what | $now |"$'\n'
    if [[ -z $before ]] || ((now * 100 > before * (100 + tolerance) || now * 100 < before * (100 - tolerance))); then
        worse+=("$name: ${before:-none} -> $now")
    fi
    executed=$((executed + 1))
done < <("$paths")

if [[ ${1:-} == --write ]]; then
    printf '%s' "$new" >"$table"
elif [[ $recorded != "$compiler" ]]; then
    echo "$script: not compared: recorded with '$recorded', this is '$compiler'"
elif ((${#worse[@]} > 0)); then
    fail "moved by more than $tolerance %: ${worse[*]}"
fi
