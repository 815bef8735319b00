#!/usr/bin/env bash
# The program of tests/bare-metal boots without an operating system on six machines, which QEMU plays, and passes
# its checks. Built with a fault, it has to say so: each fault's status is 1 for a check that failed, 2 for one that
# did not end. Arguments choose targets.
. "$(dirname "$0")/lib.sh"

# The machines with one core count instructions instead of time, so each run of a program is the same. At another
# speed the interrupts come at other instructions. From 7 on a Cortex-M0 is too slow to do more than handle them.
declare -A machines=(
    [riscv64gc-unknown-none-elf]="qemu-system-riscv64 -machine virt -smp 4 -m 128M -bios none"
    [riscv32imac-unknown-none-elf]="qemu-system-riscv32 -machine virt -smp 4 -m 128M -bios none"
    [aarch64-unknown-none]="qemu-system-aarch64 -machine virt -nic none -cpu cortex-a53 -smp 4 -m 128M"
    [thumbv6m-none-eabi]="qemu-system-arm -machine lm3s6965evb -cpu cortex-m0 -icount shift=SPEED,sleep=off"
    [thumbv7m-none-eabi]="qemu-system-arm -machine lm3s6965evb -cpu cortex-m3 -icount shift=SPEED,sleep=off"
    [thumbv7em-none-eabihf]="qemu-system-arm -machine mps2-an386 -cpu cortex-m4 -icount shift=SPEED,sleep=off"
)
targets=("$@")
if (($# == 0)); then
    mapfile -t targets < <(printf '%s\n' "${!machines[@]}" | sort)
fi

# Fault, status, and the check that has to notice; any may for `-`.
faults=(
    "answer 1 map"
    "panic 1 map"
    "refusal 2 interrupt"
    "clock 2 time-out"
    "relax 2 -"
    "seat 2 join"
    "waker 2 executor"
)

apt_install qemu-system-arm qemu-system-misc
install_targets "${targets[@]}"
export CARGO_TARGET_DIR=$target_dir/bare-metal
manifest=tests/bare-metal/Cargo.toml

# for_target TARGET COMMAND ARGUMENTS...: cargo for the program.
for_target() {
    local target=$1 command=$2
    shift 2
    # This core has no compare-exchange, and the board says how to do without.
    [[ $target != thumbv6m-none-eabi ]] || local -x RUSTFLAGS="--cfg ringpool_critical_section"
    bare_cargo core "$command" --quiet --locked --release --manifest-path "$manifest" --target "$target" "$@"
}

# boot TARGET SPEED: boots the program that was built last; its output is in `output`, its end in `status`.
boot() {
    local machine
    read -ra machine <<<"${machines[$1]/SPEED/$2}"
    status=0
    output=$(timeout -k 5 180 "${machine[@]}" -nographic -no-reboot -semihosting-config enable=on,target=native \
        -kernel "$CARGO_TARGET_DIR/$1/release/ringpool-bare-metal" 2>&1) || status=$?
}

for target in "${targets[@]}"; do
    [[ -n ${machines[$target]:-} ]] || fail "no machine for $target"
    run for_target "$target" build
    speeds=(6)
    [[ ${machines[$target]} != *SPEED* ]] || speeds=(1 2 3 4 5 6)
    for speed in "${speeds[@]}"; do
        boot "$target" "$speed"
        [[ $status == 0 && $output =~ all\ [0-9]+\ checks\ passed ]] ||
            fail "$target: ended with status $status: $output"
        executed=$((executed + 1))
    done
    printf '%s\n' "$output"
    for fault in "${faults[@]}"; do
        read -r name expected check <<<"$fault"
        RINGPOOL_FAULT=$name for_target "$target" build
        boot "$target" 6
        noticed=$(sed -nE 's/^  ([a-z-]+) +(FAILED|does not end).*/\1/p' <<<"$output")
        [[ $status == "$expected" && ($check == - || $noticed == "$check") ]] ||
            fail "$target: the fault '$name' ended with status $status in check '$noticed': $output"
        echo "$target: the fault '$name' was noticed with status $status in check '$noticed'"
        executed=$((executed + 1))
    done
done

# A target without compare-exchange is refused with one error, which names the way out.
if [[ " ${targets[*]} " == *" thumbv6m-none-eabi "* ]]; then
    errors=$(bare_cargo core build --quiet --locked --manifest-path "$manifest" --target thumbv6m-none-eabi 2>&1) &&
        fail "builds without compare-exchange"
    [[ $(grep -c '^error' <<<"$errors") == 2 && $errors == *--cfg\ ringpool_critical_section* ]] ||
        fail "does not name the way out: $errors"
    echo "$script: a target without compare-exchange is refused"
    executed=$((executed + 1))
fi

# The same program for any target; Clippy sees each board's code.
for target in "${targets[@]}"; do
    run for_target "$target" clippy -- -D warnings
done
run cargo fmt --manifest-path "$manifest" --check
