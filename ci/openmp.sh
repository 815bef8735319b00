#!/usr/bin/env bash
# The HPC examples and the cost of a loop, side by side with OpenMP: libgomp (gcc) and, where Debian has it, libomp
# (clang). `ci/openmp.sh ROUNDS` measures on full sizes, the contenders by turns, and prints medians and ratios (with
# a multiple of six each of them begins as often as the others); with `--write` behind, it writes benches/OPENMP.md as well.
# Without an argument it only sees that everything runs and that all results are right.
. "$(dirname "$0")/lib.sh"

rounds=${1:-0}
[[ $rounds =~ ^[0-9]+$ && (${2:-} == "" || $rounds -gt 0 && $2 == --write) ]] || fail "usage: openmp.sh [ROUNDS [--write]]"
programs=(jacobi triad matmul nbody histogram spmv mandelbrot)
apt_install gcc libc6-dev
compilers=(gcc)
if command -v clang >/dev/null || apt_install clang libomp-dev; then
    compilers+=(clang)
else
    echo "without libomp: clang cannot be installed here"
fi

built=$target_dir/openmp
mkdir -p "$built"
for compiler in "${compilers[@]}"; do
    for program in "${programs[@]}" loops; do
        run "$compiler" -O3 -Wall -Wextra -Werror -fopenmp -o "$built/$program-$compiler" "benches/c/$program.c" -lm
    done
done
examples=()
for program in "${programs[@]}"; do
    examples+=(--example "$program")
done
run cargo build --quiet --locked --release -p ringpool --features affinity-backend "${examples[@]}"
run cargo build --quiet --locked --release -p ringpool-benches --bin loops
release=$target_dir/release

if ((rounds > 0)); then
    # Of a program the faster of two runs, for the first finds cold caches; `loops` takes medians of its own.
    small=() tiny=() runs=2
else
    rounds=1 runs=1 small=(--size 101) tiny=(--size 1000 --regions 100)
fi
# One place for each core and as many threads, as ringpool has it: OpenMP would start one for each hardware thread.
threads=$("$release/examples/jacobi" --size 9 --rounds 1 | sed -n 's/^\([0-9]*\) workers$/\1/p')
[[ -n $threads ]] || fail "jacobi does not say how many workers it has"
export OMP_PLACES=cores OMP_PROC_BIND=close OMP_DYNAMIC=false OMP_NUM_THREADS=$threads

# Prints "CONTENDER|NAME|VALUE" for each value that a program prints.
values() {
    local contender=$1 out
    shift
    out=$("$@") || fail "$contender: $* failed"
    grep -q '^[a-z].*: ' <<<"$out" || fail "$contender: $* has printed no value"
    sed -nE -e "s/^([a-z, ]+): alone ([0-9.]+) ms, together ([0-9.]+) ms.*/$contender|\1, alone, ms|\2\n$contender|\1, together, ms|\3/p" \
        -e "t" -e "s/^([a-z].*): (-?[0-9.]+)$/$contender|\1|\2/p" <<<"$out"
}

contenders=(ringpool-adaptive ringpool-active)
for compiler in "${compilers[@]}"; do
    contenders+=("$compiler-active" "$compiler-passive")
done

# A program of every contender, one after the other. Each round begins with the next one: memory that one process has just given
# back is quicker for the one after it, most of all where the host of a virtual machine takes back what is free.
turn() {
    local program=$1 i who wait
    shift
    for ((i = 0; i < ${#contenders[@]}; i++)); do
        IFS=- read -r who wait <<<"${contenders[(round + i) % ${#contenders[@]}]}"
        if [[ $who != ringpool ]]; then
            OMP_WAIT_POLICY=$wait values "$who $wait" "$built/$program-$who" --rounds "$runs" "$@"
        elif [[ $program == loops ]]; then
            values "ringpool $wait" "$release/loops" --wait "$wait" "$@"
        else
            values "ringpool $wait" "$release/examples/$program" --rounds "$runs" --quiet --wait "$wait" "$@"
        fi
    done
}

results=$built/results
: >"$results"
for ((round = 0; round < rounds; round++)); do
    for program in "${programs[@]}"; do
        case $program in
        mandelbrot) turn mandelbrot ${small:+--width 100} >>"$results" ;;
        *) turn "$program" "${small[@]}" >>"$results" ;;
        esac
        executed=$((executed + 1))
    done
    turn loops "${tiny[@]}" >>"$results"
    executed=$((executed + 1))
done

asked="${0##*/} $*"
page() {
    cat <<EOF
# HPC examples beside OpenMP

Made by \`ci/$asked\`: medians, the contenders by turns, each with a place for each core. The ratio is that of ringpool adaptive
to the best of OpenMP: below 1 ringpool is ahead. Compilers differ as well as runtimes, so each program runs alone too.

- Machine: $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(nproc) CPUs, $threads threads, load $(cut -d ' ' -f 1-3 /proc/loadavg)
- Compilers: $(rustc --version)$(for compiler in "${compilers[@]}"; do echo "; $("$compiler" --version | head -n 1)"; done | tr -d '\n')
- Commit: $(git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
- Date: $(date -u '+%Y-%m-%d %H:%M UTC')

EOF
    awk -F '|' '
    !($2 in seen) { seen[$2]; names[++rows] = $2 }
    !($1 in known) { known[$1]; contenders[++columns] = $1 }
    { value[$2, $1, ++count[$2, $1]] = $3 }
    function median(name, contender, n, i, j, x, sorted) {
        n = count[name, contender]
        for (i = 1; i <= n; i++) {
            x = value[name, contender, i] + 0
            for (j = i - 1; j >= 1 && sorted[j] > x; j--) sorted[j + 1] = sorted[j]
            sorted[j + 1] = x
        }
        return n % 2 ? sorted[(n + 1) / 2] : (sorted[n / 2] + sorted[n / 2 + 1]) / 2
    }
    END {
        printf "| %-40s |", ""
        for (c = 1; c <= columns; c++) printf " %18s |", contenders[c]
        printf " ratio |\n| %s |", "----------------------------------------"
        for (c = 1; c <= columns; c++) printf " -----------------: |"
        printf " ----: |\n"
        for (r = 1; r <= rows; r++) {
            printf "| %-40s |", names[r]
            best = ours = ""
            for (c = 1; c <= columns; c++) {
                if (!((names[r], contenders[c], 1) in value)) { printf " %18s |", "-"; continue }
                x = median(names[r], contenders[c])
                printf " %18.3f |", x
                if (contenders[c] == "ringpool adaptive") ours = x
                else if (contenders[c] !~ /^ringpool/ && (best == "" || x < best)) best = x
            }
            if (best > 0 && ours > 0) printf " %5.2f |", ours / best
            else printf " %5s |", "-"
            printf "\n"
        }
    }' "$results"
}
if [[ ${2:-} == --write ]]; then
    page | tee benches/OPENMP.md
else
    page
fi
