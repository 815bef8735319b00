#!/usr/bin/env bash
# Every example of the crate `ringpool` runs to its end, in release, with the features it asks for; what the
# programs among them make is checked with other tools.
. "$(dirname "$0")/lib.sh"

[[ -n $(manifest_of ringpool) ]] || fail "no package ringpool in this workspace"
# One target a line; an example's source lies under ringpool/examples/.
examples=$(cargo metadata --locked --no-deps --format-version 1 |
    grep -o '{"kind":\["example"\][^}]*"src_path":"[^"]*/ringpool/examples/[^}]*}' || true)
[[ -n $examples ]] || fail "the crate ringpool has no examples"

work=$(mktemp -d)
trap 'status=$?; [[ ! -e $work/errors ]] || cat "$work/errors" >&2; rm -rf "$work"; finish $status' EXIT

# Runs an example and checks its exit status: example STATUS ARGUMENTS…
example() {
    local expected=$1 status=0
    shift
    printf '+ example %s\n' "$name $*" >&2
    cargo run --quiet --locked --release -p ringpool --example "$name" ${needed:+--features "$needed"} -- "$@" 3<&- ||
        status=$?
    ((status == expected)) || fail "$name: exit status $status, not $expected"
    executed=$((executed + 1))
}

# As `example`, and what it says on standard error has to match: complaint STATUS PATTERN ARGUMENTS…
complaint() {
    local status=$1 pattern=$2
    shift 2
    # A file, since what a command leaves behind would keep a pipe open until it ends.
    example "$status" "$@" 2>"$work/errors"
    cat "$work/errors" >&2
    grep -q -e "$pattern" "$work/errors" || fail "$name: no '$pattern' on standard error"
    rm "$work/errors"
}

# The program that `example` has just run, with Ctrl-C as soon as it has made a file whose name matches:
# interrupted PATTERN ARGUMENTS…
interrupted() {
    local pattern=$1 status=0 pid
    shift
    printf '+ Ctrl-C for %s\n' "$name $*" >&2
    timeout 60 "$target_dir/release/examples/$name" "$@" 3<&- &
    pid=$!
    until compgen -G "$pattern" >/dev/null; do sleep 0.1; done
    kill -INT "$pid"
    wait "$pid" || status=$?
    ((status == 130)) || fail "$name: exit status $status after Ctrl-C, not 130"
    executed=$((executed + 1))
}

# As `complaint`, by a user from whom files can be kept, unlike root; asks for nothing that `cargo run` builds.
outsider() {
    local status=$1 pattern=$2 got=0 as=()
    shift 2
    printf '+ as an outsider: example %s\n' "$name $*" >&2
    install -m 755 "$target_dir/release/examples/$name" "$work/$name"
    ((EUID != 0)) || as=(setpriv --reuid=65534 --regid=65534 --clear-groups)
    "${as[@]}" "$work/$name" "$@" 2>"$work/errors" 3<&- || got=$?
    ((got == status)) || fail "$name: exit status $got, not $status"
    grep -q -e "$pattern" "$work/errors" || fail "$name: no '$pattern' on standard error"
    rm "$work/errors" "$work/$name"
    executed=$((executed + 1))
}

# A timeline's picture and trace are whole, and the trace has spans of that name: timeline NAME
timeline() {
    apt_install python3
    python3 -c 'import json, sys, xml.dom.minidom as xml
names = {event["name"] for event in json.load(open(sys.argv[1]))["traceEvents"]}
assert sys.argv[3] in names, names
assert len(xml.parse(sys.argv[2]).getElementsByTagName("title")) > 3' "$work/time.json" "$work/time.svg" "$1" ||
        fail "$name: the trace or the picture of its workers is broken"
    rm "$work/time.json" "$work/time.svg"
}
drawn=(--svg "$work/time.svg" --trace "$work/time.json")

# Descriptor 4 is a pipe that nobody reads any more.
exec 4> >(true)
wait $!

# Descriptor 3, so that an example that reads its input finds none, rather than this list.
while read -r target <&3; do
    name=$(sed 's/.*"name":"\([^"]*\)".*/\1/' <<<"$target")
    needed=$(sed -n 's/.*"required-features":\[\([^]]*\)\].*/\1/p' <<<"$target" | tr -d '"')
    example 0 --help >"$work/help"
    grep -q '^Usage: ' "$work/help" || fail "$name: no usage"
    example 2 --nonsense 2>/dev/null
    case $name in
    mandelbrot)
        mkdir "$work/pictures"
        example 0 --width 400 --rounds 1 --output "$work/pictures/set.png" "${drawn[@]}"
        timeline 'mandelbrot, guided'
        complaint 1 'no/such/set.png' --width 40 --rounds 1 --output "$work/no/such/set.png"
        example 0 --width 40 --rounds 1 >&4
        needed=affinity-backend example 0 --width 101 --rounds 1 >"$work/pinned"
        grep -q '^places: ' "$work/pinned" || fail "mandelbrot: its workers are not pinned"
        head -c 1000 "$work/pictures/set.png" >"$work/pictures/torn.png"
        ;;
    thumbnails)
        [[ -d $work/pictures ]] || fail "mandelbrot comes before thumbnails"
        example 1 "$work/pictures" "$work/thumbs" --size 64
        [[ -s $work/thumbs/set.png.png && ! -e $work/thumbs/torn.png.png ]] || fail "thumbnails: wrong files"
        example 1 "$work/pictures" "$work/thumbs" >&4
        : >"$work/pictures/empty.png"
        complaint 1 'empty.png' "$work/pictures" "$work/thumbs"
        mkdir -m 777 "$work/others"
        chmod 755 "$work" "$work/pictures" && chmod 0 "$work/pictures/empty.png"
        outsider 1 'empty.png.*ermission denied' "$work/pictures" "$work/others"
        ;;
    checksum-tree)
        example 0 core --output "$work/manifest"
        sha256sum --check --quiet "$work/manifest"
        (($(wc -l <"$work/manifest") == $(find core -type f | wc -l))) || fail "checksum-tree: files are missing"
        example 0 core >&4
        complaint 2 'no/such' "$work/no/such"
        mkdir "$work/kept" "$work/kept/back"
        echo secret >"$work/kept/file"
        chmod 755 "$work" && chmod 0 "$work/kept/back" "$work/kept/file"
        outsider 1 'file.*ermission denied' "$work/kept"
        outsider 1 'back.*ermission denied' "$work/kept"
        mkdir "$work/huge"
        truncate --size 1T "$work/huge/file"
        interrupted "$work/huge/.tmp*" "$work/huge" --output "$work/huge/manifest"
        [[ ! -e $work/huge/manifest ]] || fail "checksum-tree: half a manifest"
        ;;
    pxargs)
        example 0 -j 4 echo line < <(seq 20) >"$work/lines"
        diff "$work/lines" <(seq -f 'line %g' 20) || fail "pxargs: wrong order"
        example 123 --retry 1 sh -c 'exit {}' < <(printf '%s\n' 0 7 0)
        example 124 -j 2 --fail-fast --timeout 0.1 sleep < <(yes 60)
        complaint 124 'out of time' --timeout 0.3 sh -c 'sleep 60 & echo $! >{}; wait' <<<"$work/grandchild"
        [[ $(ps -o stat= "$(<"$work/grandchild")") != [^Z]* ]] || fail "pxargs: a time-out leaves what a command started"
        complaint 127 '`one`: `/no/such` cannot be run: No such file' /no/such <<<one
        complaint 123 'signal: 15' sh -c 'kill -TERM $$' <<<one
        example 0 --retry 1 sh -c '! mkdir {} 2>/dev/null' <<<"$work/tried"
        example 0 printf '<%s>' < <(printf 'a\377b\n') >"$work/bytes"
        cmp "$work/bytes" <(printf '<a\377b>') || fail "pxargs: other bytes than those of the line"
        seq 20 | example 0 --unordered -j 4 echo | sort -n | diff - <(seq 20) || fail "pxargs: lines are missing"
        example 0 echo < <(yes) >&4
        # Its input has one line, and no end.
        mkfifo "$work/lines.fifo"
        exec 5<>"$work/lines.fifo"
        echo "$work/begun" >&5
        interrupted "$work/begun" touch <&5
        exec 5>&-
        ;;
    jacobi | matmul | nbody | spmv | histogram | triad)
        # Small, on more workers than there are CPUs, and with sizes that nothing divides; each checks itself.
        for needed in "" affinity-backend; do
            example 0 --size 101 --rounds 2 >"$work/small"
            example 0 --size 1009 --rounds 1 --workers 3 --wait active --quiet >"$work/large"
            grep -q "^$name: alone .*, efficiency " "$work/large" || fail "$name: no efficiency"
        done
        example 2 --size 0 2>/dev/null
        example 0 --size 101 --rounds 1 "${drawn[@]}" >"$work/small"
        [[ -s $work/time.svg && -s $work/time.json ]] || fail "$name: no timeline"
        ;;
    tour)
        example 0 "${drawn[@]}"
        timeline Collatz
        ;;
    waiting)
        for needed in "" affinity-backend; do
            example 0 --size 1000
        done
        ;;
    topology)
        example 0
        example 0 >&4
        example 2 'cores(' 2>/dev/null
        ;;
    *) example 0 ;;
    esac
done 3<<<"$examples"
