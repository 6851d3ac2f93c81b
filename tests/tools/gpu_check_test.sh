#!/usr/bin/env bash
# tools/gpu_check.sh in a copy of the tree with programs that stand in for the GPU's, the toolkit's and ours; they
# write down how they are called and with which LD_LIBRARY_PATH.
#   tests/tools/gpu_check_test.sh REPOSITORY
set -euo pipefail
repository=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
tree=$folder/tree bin=$folder/bin calls=$folder/calls
mkdir -p "$tree/tools" "$bin" "$folder/python/nvidia/cu13/lib" "$folder/python/nvidia/cudnn/lib" "$folder/toolkit"/{bin,lib64}
cp "$repository"/tools/{gpu_check.sh,gpu_phases.sh,gpu_pack.sh,setup.sh} "$tree/tools"
for tool in CMakeLists.txt CMakePresets.json autograd cmake core evaluate kernels models tests third_party train; do
  ln -s "$repository/$tool" "$tree/$tool"
done
for tool in awk bash cat chmod cp cut date dirname echo env find grep gzip head mkdir nproc readlink rm sha256sum sort tail tar tee \
    timeout xargs; do
  ln -s "$(type -P $tool)" "$bin/$tool"
done

fail() {
  echo "gpu_check_test: $*" >&2
  exit 1
}
# stand_in FOLDER NAME BODY
stand_in() {
  printf '#!%s\necho "%s $* LIBRARIES=${LD_LIBRARY_PATH:-}" >>"%s"\n%s\n' "$BASH" "$2" "$calls" "$3" >"$1/$2"
  chmod +x "$1/$2"
}
check() { env -u LD_LIBRARY_PATH PATH="$bin:$folder/toolkit/bin" "$tree/tools/gpu_check.sh" "$@" >"$folder/stdout" 2>"$folder/stderr"; }
stops_with() {  # TEXT ARGUMENTS: exit code 1, one line with TEXT
  local code=0
  check "${@:2}" || code=$?
  [[ $code == 1 && $(wc -l <"$folder/stderr") == 1 ]] || fail "${*:2}: exit code $code, $(cat "$folder/stderr")"
  grep -qF -- "$1" "$folder/stderr" || fail "\"$1\" is not in: $(cat "$folder/stderr")"
}
says() { grep -qE -- "$1" "$2" || fail "\"$1\" is not in $2: $(cat "$2")"; }
says_not() { ! grep -qE -- "$1" "$2" || fail "\"$1\" is in $2"; }
latest() { find "$tree/build-gpu/reports" -name '*.md' | sort | tail -n 1; }

stops_with "no GPU here"
stand_in "$bin" nvidia-smi 'echo "A name, 580.1, 81559 MiB, 9.0"'
stops_with 'unknown phase "suit"' suit
stops_with "-o needs a file" -o

# The build takes what the toolkit lacks from Python's packages, and our programs alone get their folders.
stand_in "$bin" python3 "[[ \$2 != *nvidia* ]] || printf '%s\n' $folder/python/nvidia/cu13 $folder/python/nvidia/cudnn"
stand_in "$folder/toolkit/bin" nvcc 'echo "release 13.0"'
stand_in "$bin" ninja ""
stand_in "$bin" cmake 'mkdir -p build-gpu/tests && cp "$0" build-gpu/tests/unit_tests'
stand_in "$bin" ctest "echo 'a test'; exit 3"
code=0
check build suite sanitize || code=$?
[[ $code == 1 ]] || fail "a failed phase: exit code $code, expected 1"
roots="$folder/python/nvidia/cu13;$folder/python/nvidia/cudnn"
says "cmake -S .*-DCMAKE_CUDA_ARCHITECTURES=90 -DEBM_CUDA_ROOTS=$roots " "$calls"
says "^ctest .*LIBRARIES=.*:$folder/toolkit/lib64:$folder/python/nvidia/cu13/lib:$folder/python/nvidia/cudnn/lib" "$calls"
says_not "^python3 .*LIBRARIES=." "$calls"
report=$(latest)
says "A name, 580.1, 81559 MiB, 9.0" "$report"
says "^Sources [0-9a-f]{12}, of no known commit\.$" <(sed 's/ GPU, driver.*//' "$report")
says "## build: passed" "$report"
says "## suite: FAILED, exit code 3" "$report"
says "^a test" "$report"
says "## sanitize: NOT RUN" "$report"
says "passed: build; FAILED: suite; NOT RUN: sanitize" "$report"

# A second call leaves that report alone; -o adds to a file; a phase ends at its limit.
sleep 1
stand_in "$bin" ctest ""
check suite || fail "suite: $(cat "$folder/stdout")"
[[ $(latest) != "$report" ]] || fail "a second call wrote to the first one's report"
check -o "$folder/both.md" suite && check -o "$folder/both.md" suite || fail "-o: $(cat "$folder/stderr")"
[[ $(grep -c "## suite: passed" "$folder/both.md") == 2 ]] || fail "-o did not keep the first report"
sed -i 's/\[suite\]=[0-9]*/[suite]=1/' "$tree/tools/gpu_check.sh"
stand_in "$bin" ctest "echo begun; exec $(command -v sleep) 20"
! check suite || fail "a phase beyond its limit passed"
says "## suite: FAILED, out of time" "$(latest)"
says "^begun" "$(latest)"

# The peer: a table each, every one with its share of the limit; python3 without our folders, our program with them.
stand_in "$tree/build-gpu" ebm ""
: >"$calls"
check peer_bf16 || fail "peer_bf16: $(cat "$(latest)")"
for table in "mnist --parts langevin" "cifar10 --parts langevin" "mnist --parts training" "cifar10 --parts training"; do
  says "^python3 tools/bench_torch.py .*--precision bf16 --nets $table .*--limit [0-9]+ " "$calls"
done
says "--nets mnist --parts langevin .*--limit 4[4-7] " "$calls"  # a quarter of 210 s, less 5 s
[[ $(grep -c bench_torch.py "$calls") == 4 ]] || fail "peer_bf16: $(cat "$calls")"
says_not "^python3 .*LIBRARIES=." "$calls"
env -u LD_LIBRARY_PATH "$tree/build-gpu/ebm_with_libraries" bench
says "^ebm bench LIBRARIES=.*/nvidia/cu13/lib:" "$calls"
stand_in "$bin" python3 "[[ \$2 != *torch* ]]"
! check peer_mnist || fail "peer_mnist passed without PyTorch"
says "## peer_mnist: NOT RUN" "$(latest)"

# A pack: of this tree it is taken, of other files it is named as that, of another recipe it is refused.
pack() {  # RECIPE SOURCES
  rm -rf "$tree/.gpu_pack" "$folder/pack" && mkdir -p "$tree/.gpu_pack" "$folder/pack"
  printf 'packed_recipe=%s\npacked_sources=%s\npacked_commit=abc\npacked_date="a day"\n' "$1" "$2" >"$folder/pack/packed"
  tar -czf "$tree/.gpu_pack/pack.tar.gz" -C "$folder/pack" .
}
stand_in "$bin" ctest ""
recipe=$("$tree/tools/gpu_pack.sh" --recipe)
pack "$recipe" "$("$tree/tools/gpu_pack.sh" --sources)"
check -o "$folder/packed.md" suite || fail "with a pack: $(cat "$folder/stderr")"
says "^Sources [0-9a-f]{12}, those that were packed at commit abc\." "$folder/packed.md"
pack "$recipe" 0123456789ab
check -o "$folder/changed.md" suite || fail "with a pack of other sources: $(cat "$folder/stderr")"
says "of no known commit; at commit abc others were packed: 0123456789ab\." "$folder/changed.md"
pack 000000000000 0123456789ab
stops_with "packed a day at abc, is not what this tree needs: run tools/gpu_pack.sh again" suite
