#!/usr/bin/env bash
# What the smallest programs cost in flash, memory and stack on a Cortex-M4 and on RISC-V of 32 bits: builds the programs
# of tests/sizes, runs them under QEMU, and writes core/SIZES.md. Fails if a ring, a pool and one verb outgrow their budget.
. "$(dirname "$0")/lib.sh"

targets=(thumbv7em-none-eabihf riscv32imac-unknown-none-elf)
# Bytes of code of a ring, a pool and one verb.
budget=4096
manifest=tests/sizes/Cargo.toml
table=core/SIZES.md

apt_install qemu-system-arm qemu-system-misc binutils
install_targets "${targets[@]}"
export CARGO_TARGET_DIR=$target_dir/sizes
mkdir -p "$CARGO_TARGET_DIR"

boot() {
    local machine
    case $1 in
        thumbv7em-none-eabihf) machine="qemu-system-arm -machine mps2-an386 -cpu cortex-m4" ;;
        riscv32imac-unknown-none-elf) machine="qemu-system-riscv32 -machine virt -bios none" ;;
    esac
    # shellcheck disable=SC2086 # the command is several words
    timeout -k 5 60 $machine -nographic -no-reboot -semihosting-config enable=on,target=native -kernel "$2" 2>&1
}

# measure TARGET PROGRAM: prints text, rodata, data, bss and stack in bytes. PROGRAM is a feature, or `nothing`.
measure() {
    local target=$1 features=() file=$CARGO_TARGET_DIR/$1/release/ringpool-sizes
    local text=0 rodata=0 data=0 bss=0 stack name kind size flags
    [[ $2 == nothing ]] || features=(--features "$2")
    bare_cargo core build --quiet --locked --release --manifest-path "$manifest" --target "$target" "${features[@]}" >&2
    while read -r name kind _ _ size _ flags _; do
        size=$((16#$size))
        case $kind,$name,$flags in
            *,.stacks,*) ;;
            PROGBITS,*,*X*) text=$((text + size)) ;;
            PROGBITS,*,*W*) data=$((data + size)) ;;
            PROGBITS,*,*A*) rodata=$((rodata + size)) ;;
            NOBITS,*,*A*) bss=$((bss + size)) ;;
        esac
    done < <(readelf -SW "$file" | sed -n 's/^ *\[ *[1-9][0-9]*\] *//p')
    stack=$(boot "$target" "$file") || fail "$2 on $target ended badly: $stack"
    stack=$((10#$(tr -dc 0-9 <<<"$stack")))
    echo "$text $rodata $data $bss $stack"
}

# row TARGET PROGRAM WITHOUT TEXT: a line of the table, of what PROGRAM has more than the measured WITHOUT.
row() {
    local now before i line="| $4 |"
    read -ra now <<<"$(measure "$1" "$2")"
    ((${#now[@]} == 5)) || fail "$2 on $1 was not measured"
    read -ra before <<<"$3"
    for i in 0 1 2 3 4; do
        line+=" $((now[i] - before[i])) |"
    done
    echo "$line"
}

{
    cat <<'TEXT'
# What a pool costs on small machines

Bytes, measured by `ci/sizes.sh`, which writes this page, on programs of `tests/sizes`: built for size (`opt-level = "z"`,
LTO, `panic = "abort"`), for one core without an operating system. Nothing here has a heap.

- *text* is code and *rodata* constants, both in flash. *data* has values at the start, in flash and in memory; *bss* is zero
  at the start, in memory. The pool has 1 worker, 8 slots and 32 bytes for each job.
- *stack* is the deepest that the run went, from its first function: the job itself, a store, takes next to none. It was seen by
  painting the stack, on the way that the program took, and is no proof for others. Each worker needs so much of its own.
- Subtracted is a program that only starts, prints and ends, with `memcpy` and `memmove`, which most programs have.

TEXT
    for target in "${targets[@]}"; do
        echo "## $target"
        echo
        echo "| program | text | rodata | data | bss | stack |"
        echo "|---|---:|---:|---:|---:|---:|"
        nothing=$(measure "$target" nothing)
        row "$target" ring "$nothing" "only a ring of 8 words: \`push\`, \`pop\`"
        pool=$(row "$target" pool "$nothing" "the pool: \`seat\`, \`apply_async\`, \`run_one\`")
        echo "$pool"
        IFS='|' read -r _ _ text _ <<<"$pool"
        ((text > 0 && text < budget)) || fail "a pool takes $text bytes of code on $target, of $budget"
        row "$target" heapless_queue "$nothing" "heapless: a queue of functions, and a loop that calls them"
        row "$target" embassy_task "$nothing" "embassy-executor: one task, which is polled once"
        echo
        echo "| added to the pool | text | rodata | data | bss | stack |"
        echo "|---|---:|---:|---:|---:|---:|"
        base=$(measure "$target" pool)
        for verb in get apply map_into for_each reduce imap stream_into with_worker on_success cancel close terminate \
            get_timeout deadline max_jobs_per_worker run_async start; do
            row "$target" "$verb" "$base" "\`$verb\`"
        done
        row "$target" heapless_vec "$base" "\`map_into\` into a \`heapless::Vec\`, feature \`heapless\`"
        row "$target" shared_spawner "$base" "\`start\` with a \`SharedSpawner\`, feature \`spin\`"
        echo
    done
    cat <<'TEXT'
What is nearest of others has less to tell: heapless has a queue, whose functions have no captures, no results, no cancel and no
end; embassy-executor's tasks are fixed when the program is compiled, and what a task returns has to be stored by itself.
`get` shares its code with every call that waits, `map_into` with every batch: two verbs cost less than their sum. A row whose
call submits a closure of its own contains the code for that closure's job, some 400 bytes.
TEXT
} >"$CARGO_TARGET_DIR/SIZES.md"
cp "$CARGO_TARGET_DIR/SIZES.md" "$table"
cat "$table"
executed=$((executed + ${#targets[@]}))
for program in get_timeout shared_spawner; do
    run bare_cargo core clippy --quiet --locked --release --manifest-path "$manifest" --target "${targets[0]}" --features \
        "$program" -- -D warnings
done
run cargo fmt --manifest-path "$manifest" --check
