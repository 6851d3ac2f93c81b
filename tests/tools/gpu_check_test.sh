#!/usr/bin/env bash
# tools/gpu_check.sh in a copy of the tree with programs that stand in for the GPU's, the toolkit's and ours; they
# write down how they are called and with which LD_LIBRARY_PATH.
#   tests/tools/gpu_check_test.sh REPOSITORY
set -euo pipefail
repository=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
tree=$folder/tree bin=$folder/bin calls=$folder/calls programs=$folder/programs
mkdir -p "$tree/tools/scripts" "$tree/docs" "$bin" "$programs/tests" "$folder/python/nvidia/cu13/lib" \
  "$folder/python/nvidia/cudnn/lib" "$folder/toolkit"/{bin,lib64}
cp "$repository"/tools/{gpu_check,gpu_pack,setup}.sh "$tree/tools"
cp "$repository"/tools/scripts/gpu_{phases.sh,figures.py} "$tree/tools/scripts"
cp "$repository/docs/gpu.md" "$tree/docs"
for tool in CMakeLists.txt CMakePresets.json autograd core kernels models tests third_party train; do
  ln -s "$repository/$tool" "$tree/$tool"
done
for tool in awk bash cat chmod cp cut date dirname env find grep gzip head mkdir mv nproc readlink rm sed sha256sum \
    sleep sort tail tar timeout xargs; do
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
check() {
  env -u LD_LIBRARY_PATH PATH="$bin:$folder/toolkit/bin" "$tree/tools/gpu_check.sh" "$@" \
    >"$folder/stdout" 2>"$folder/stderr"
}
stops_with() {  # TEXT ARGUMENTS: exit code 1, one line with TEXT
  local code=0
  check "${@:2}" || code=$?
  [[ $code == 1 && $(wc -l <"$folder/stderr") == 1 ]] || fail "${*:2}: exit code $code, $(cat "$folder/stderr")"
  grep -qF -- "$1" "$folder/stderr" || fail "\"$1\" is not in: $(cat "$folder/stderr")"
}
says() { grep -qE -- "$1" "$2" || fail "\"$1\" is not in $2: $(cat "$2")"; }
says_not() { ! grep -qE -- "$1" "$2" || fail "\"$1\" is in $2"; }

stops_with "no GPU here"
stand_in "$bin" nvidia-smi 'echo "A name, 580.1, 81559 MiB, 9.0"'
stops_with 'received phase "suit"' --only suit
stops_with "--out needs a value" --out
stops_with "received --budget 5s; expected seconds" --budget 5s
stops_with 'received "tests"' tests
stops_with "expected one of them" --pack "$folder" --programs "$programs"

# Our programs get the folders of Python's packages and of the toolkit; python3 does not.
stand_in "$bin" python3 "[[ \${2:-} != *nvidia* ]] || printf '%s\n' $folder/python/nvidia/cu13 $folder/python/nvidia/cudnn"
stand_in "$bin" ldd ""
stand_in "$folder/toolkit/bin" nvcc 'echo "release 13.0"'
stand_in "$programs" ebm ""
stand_in "$programs" train_ebm_vae ""
stand_in "$programs/tests" unit_tests 'echo "test cases: 3"; [[ $* != *tests/core* ]] || exit 3'
code=0
check --programs "$programs" --out "$folder/first" --only env,tests,ncu,sanitize || code=$?
[[ $code == 1 ]] || fail "a failed phase: exit code $code, expected 1"
libraries="$folder/python/nvidia/cu13/lib:$folder/python/nvidia/cudnn/lib:$folder/toolkit/lib64"
says "^ebm --help LIBRARIES=$libraries$" "$calls"
says "^unit_tests .*--source-file=.tests/core/. LIBRARIES=$libraries$" "$calls"
says_not "^python3 tools/compare.*LIBRARIES=." "$calls"
report=$folder/first/report.md
says "^GPU, driver, memory, capability: A name, 580.1, 81559 MiB, 9.0\.$" "$report"
says "^\| env \| passed, " "$report"
says "^\| tests \| FAILED, exit code 3, " "$report"
says "^\| ncu \| NOT RUN, " "$report"
says "^tests_core: exit code 3$" "$report"
says "passed: env; FAILED: tests; NOT RUN: ncu sanitize, " "$report"
[[ -s $folder/first/logs.tar.gz ]] || fail "no logs.tar.gz"
(($(find "$folder/first" -type f | wc -l) <= 8)) || fail "more than 8 files in --out"
stops_with "which has a report.md" --programs "$programs" --out "$folder/first"

# A phase that passes gives the rows of docs/gpu.md that it shows; test programs that run no test have failed.
stand_in "$programs/tests" unit_tests 'echo "test cases: 3"'
check --programs "$programs" --out "$folder/second" --only tests || fail "tests: $(cat "$folder/stdout")"
says "^\| matrix products \| .* \| agrees \| A name \| .* \|$" "$folder/second/report.md"
says_not "^\| convolution, forward" "$folder/second/report.md"
stand_in "$programs/tests" unit_tests 'echo "test cases: 0 "'
! check --programs "$programs" --out "$folder/third" --only tests || fail "no tests passed"

# A phase ends at its limit, and what less than half of its limit is left for is cut.
stand_in "$programs/tests" unit_tests 'echo begun; exec sleep 30'
sed -i 's/^tests  *60 /tests 4 /' "$tree/tools/gpu_check.sh"
! check --programs "$programs" --out "$folder/fourth" --only tests,training --budget 40 || fail "a cut phase passed"
says "^\| tests \| FAILED, out of time, " "$folder/fourth/report.md"
says "^\| training \| CUT: " "$folder/fourth/report.md"

# A pack is checked against its MANIFEST, and brings programs, libraries and data.
pack=$folder/pack
mkdir -p "$pack/usr/lib/x86_64-linux-gnu" "$pack/data"
cp -r "$programs" "$pack/programs"
stand_in "$pack/programs/tests" unit_tests ""
stand_in "$pack/programs" ebm 'echo "DATA=$EBM_DATA"'
{
  printf '# commit abc\n# sources 0123456789ab\n# date a day\n'
  cd "$pack" && find . -type f ! -name MANIFEST -print0 | LC_ALL=C sort -z | xargs -0 sha256sum
} >"$folder/MANIFEST"
mv "$folder/MANIFEST" "$pack/MANIFEST"
tar -czf "$folder/pack.tar.gz" -C "$pack" .
check --pack "$folder/pack.tar.gz" --out "$folder/fifth" --only env || fail "with a pack: $(cat "$folder/stdout")"
says "^Programs: built at commit abc, a day, sources 0123456789ab; the tree's are others: [0-9a-f]{12}\.$" \
  "$folder/fifth/report.md"
says "^ebm --help LIBRARIES=$tree/build-gpu/pack/usr/lib/x86_64-linux-gnu:$folder/python" "$calls"
echo damaged >>"$pack/programs/ebm"
tar -czf "$folder/pack.tar.gz" -C "$pack" .
stops_with "is damaged: ./programs/ebm: FAILED" --pack "$folder/pack.tar.gz" --out "$folder/sixth" --only env
