#!/usr/bin/env bash
# tools/scripts/scaling_model.py on figures whose sums can be made by hand.
#   tests/tools/scaling_model_test.sh REPOSITORY
set -euo pipefail
command -v python3 >/dev/null || exit 77
script=$(cd "$1" && pwd)/tools/scripts/scaling_model.py
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
fail() { echo "scaling_model_test: $*" >&2; exit 1; }
model() { python3 "$script" "$@" >out 2>err || fail "$*: $(cat err)"; }
says() { grep -qE -- "$1" out || fail "\"$1\" is not in: $(cat out)"; }
refuses() {  # TEXT ARGUMENTS: one line with TEXT
  ! python3 "$script" "${@:2}" >out 2>err || fail "${*:2} was taken"
  [[ $(wc -l <err) == 1 ]] && grep -qF -- "$1" err || fail "${*:2}: \"$1\" is not the one line: $(cat err)"
}

# Shares of 1 and 8 ranks. At 8 the vae phase is 0.1 encoder, 0.1 generator, 0.2 and 0.2 backward; the energy's 0.1 and 0.2.
cat >share.json <<'END'
{"machine": "a device", "date": "a day", "precision": "tf32", "precision_of_chains": "bf16", "share": [
  {"net": "mnist", "batch": 400, "chains": 400, "steps": 50, "batch_norms": 1,
   "layers": {"encoder": [{"bytes": 3000000, "macs": 1}],
              "generator": [{"bytes": 1000000, "macs": 0.5}, {"bytes": 3000000, "macs": 0.5}],
              "energy": [{"bytes": 1000000, "macs": 1}, {"bytes": 5000000, "macs": 3}]},
   "rows": [
    {"ranks": 1, "ms": 16, "phases_ms": {"ancestral": 0.8, "langevin": 7.2, "vae": 4.8, "energy": 2.4, "adam": 0.8}},
    {"ranks": 8, "ms": 2, "phases_ms": {"ancestral": 0.1, "langevin": 0.87, "vae": 0.6, "energy": 0.3, "adam": 0.13}}]}]}
END
# A norm takes 10 us, a gradient of 1, 3, 4, 5, 6 MB 40, 80, 100, 120, 140.
cat >comm.json <<'END'
{"machine": "a device", "date": "a day", "comm": {"processes": 8, "rows": [
  {"call": "sum_doubles", "bytes": 4104, "us": 10},
  {"call": "sum", "bytes": 1000000, "us": 40}, {"call": "sum", "bytes": 7000000, "us": 160}]}}
END
# Pieces of at least 4.2 MB: the generator's and the encoder's gradients are one each, done at 1.50 and 1.68, when the energy
# has only begun. Its 5 MB are there at 1.85 and done at 1.97, its 1 MB at 1.90 and 2.01, where two networks have made their steps
# (1.97): 0.03 of norms and 0.04 of gradients' 0.34 are waited for, and 0.06 of Adam follow.
model --share share.json --comm comm.json --ranks 4,8,16,512
says '^MEASURED: iterations of shares: a device, a day, tf32, chains in bf16'
says '^MEASURED: sums over 8 ranks: a device'
says '^ASSUMED: other sums: 12 us'
says '^ +8 +2\.00 +0\.030 +0\.040 +2\.07 +7\.7 +97% +3\.4% +88%'
says '^ +4 +4\.00 '  # on the line between the two that were timed
says '^ +16 +no share of so many was timed'
says '^ +512 +more ranks than rows \(400\)'
# The energy's as one: begun at 1.90, 0.14.
model --share share.json --comm comm.json --ranks 8 --whole
says '^ +8 +2\.00 +0\.030 +0\.070 +2\.10 '
# In small pieces: the generator's 3 MB, begun at 1.29, keep its norm waiting for 0.08.
model --share share.json --comm comm.json --ranks 8 --piece 1
says '^ +8 +2\.00 +0\.030 +0\.120 +2\.15 '
# Sums that are assumed: 10 us and 7/4 of the bytes at 70 GB/s, so that the last two pieces take 0.135 and 0.035.
model --share share.json --ranks 8 --box-latency 10 --box-bandwidth 70
says '^ASSUMED: sums: 10 us'
says '^ +8 +2\.00 +0\.030 +0\.050 +2\.08 '
# All but the slowest network is estimated.
model
says '^ESTIMATES: .*no GPU has run them'
for net in mnist cifar10 256x256; do says "^$net: batch"; done
[[ $(grep -c '^ *64 ' out) == 3 ]] || fail "no rows of 64 ranks: $(cat out)"

refuses 'no.json: [Errno 2]' --share no.json
refuses 'comm.json: received no "share", expected the JSON of `ebm bench --share`' --share comm.json
refuses 'received --net "mnits", expected one of mnist' --share share.json --net mnits
refuses 'received "0", expected a number of 1 or more' --ranks 8,0
refuses 'received "x", expected a number' --rate x
sed 's/"ranks": 1,/"ranks": 2,/' share.json >without.json
refuses 'lack 1 rank' --share without.json
echo '{"machine": "a device", "date": "a day", "comm": {"processes": 1, "rows": []}}' >one.json
refuses 'sums of one process' --comm one.json
