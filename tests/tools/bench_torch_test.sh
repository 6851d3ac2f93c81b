#!/usr/bin/env bash
# tools/bench/bench_torch.py with modules and a program that stand in for PyTorch, its networks and ebm: what it prints and
# writes when its time is over. Without Python it is skipped (77).
#   tests/tools/bench_torch_test.sh REPOSITORY
set -euo pipefail
command -v python3 >/dev/null || exit 77
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cp "$1/tools/bench/bench_torch.py" "$folder"
cat >"$folder/torch.py" <<'END'
from types import SimpleNamespace as N
contiguous_format, channels_last, float32, bfloat16, __version__ = "NCHW", "NHWC", "fp32", "bf16", "0"
manual_seed = set_num_threads = lambda _: None
backends = N(mkldnn=N(is_available=lambda: False))
cuda = N(is_available=lambda: False)
END
cat >"$folder/torch_networks.py" <<'END'
import time
Energy = eager_step = functional_step = None
def Place(device, dtype, layout): return layout
def Training(step, training, layout):
    def run():
        open("begun", "w").close()
        time.sleep(0.05 if layout == "NCHW" else 5)  # the second variant never ends in time
    return run
END
cat >"$folder/ebm" <<'END'
#!/usr/bin/env bash
echo '{"peak_gflops": 100, "nets": [{"batch": 2, "step": {"num_steps": 3}, "training": {"batch": 4, "chains": 5},
  "rows": [{"part": "training", "ms": 10, "fraction_of_peak": 0.5}]}]}' >"${@: -1}.new"
mv "${@: -1}.new" "${@: -1}"  # as the program does it: another file has the name afterwards
END
chmod +x "$folder/ebm"
fail() {
  echo "bench_torch_test: $*: $(cat "$folder/out")" >&2
  exit 1
}
says() { grep -qE -- "$1" "$folder/out" || fail "\"$1\" is not there"; }

cd "$folder"
code=0
timeout 20 python3 bench_torch.py --nets laptop --parts training --ebm ./ebm --limit 4 --json out.json >out 2>&1 || code=$?
[[ $code == 0 ]] || fail "exit code $code"
says "^laptop training, round 1: PyTorch fp32, NCHW +5[0-9]\.[0-9]+ ms"
says "^  PyTorch fp32, channels_last +not run: the time was over"
says "^  ebm +10\.000 "
says "^  ebm's rate is 5\.[0-9]+ x that of PyTorch fp32, NCHW"
says "^stopped: the limit is reached"
python3 -c '
import json
(table,) = json.load(open("out.json"))["results"]
assert table["best"] == "fp32, NCHW" and len(table["torch_ms"]["fp32, NCHW"]) == 1 and table["ebm_ms"] == [10], table' || fail "out.json"

rm begun  # by the first variant, when ebm has told what to compute: before that there is no table
python3 bench_torch.py --nets laptop --parts training --ebm ./ebm >out 2>&1 &
until [[ -e begun ]]; do sleep 0.1; done
kill -TERM $!
! wait $! || fail "a table without any time of PyTorch passed"
says "^stopped: SIGTERM"
says "no variant of PyTorch ran: nothing to compare with"
