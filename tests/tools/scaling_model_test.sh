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

# Shares of 1 and 8 ranks. At 8 the vae phase is 0.1 encoder, 0.1 generator, 0.2 and 0.2 backward.
cat >share.json <<'END'
{"machine": "a device", "date": "a day", "precision": "tf32", "precision_of_chains": "bf16", "share": [
  {"net": "mnist", "batch": 400, "chains": 400, "steps": 50, "batch_norms": 3,
   "gradient_bytes": {"energy": 4000000, "generator": 4000000, "encoder": 4000000},
   "macs_an_image": {"energy": 1, "generator": 1, "encoder": 1},
   "rows": [
    {"ranks": 1, "ms": 16, "phases_ms": {"ancestral": 0.8, "langevin": 8, "energy": 2.4, "vae": 4.8}},
    {"ranks": 8, "ms": 2, "phases_ms": {"ancestral": 0.1, "langevin": 1, "energy": 0.3, "vae": 0.6}}]}]}
END
# Each gradient 100 us, each of the nine norms 10 us.
cat >comm.json <<'END'
{"machine": "a device", "date": "a day", "comm": {"processes": 8, "rows": [
  {"call": "sum_doubles", "bytes": 4104, "us": 10},
  {"call": "sum", "bytes": 1000000, "us": 40}, {"call": "sum", "bytes": 5000000, "us": 120}]}}
END
# The energy's gradient is done when the encoder is, the two others are beside nothing: 0.09 + 0.2 of 2.29 ms.
model --share share.json --comm comm.json --ranks 4,8,16,512
says '^MEASURED: iterations of shares: a device, a day, tf32, chains in bf16'
says '^MEASURED: sums over 8 ranks: a device'
says '^ASSUMED: other sums: 12 us'
says '^ +8 +2\.00 +0\.090 +0\.200 +2\.29 +7\.0 +87% +12\.7% +33%'
says '^ +4 +4\.00 '  # on the line between the two that were timed
says '^ +16 +no share of so many was timed'
says '^ +512 +more ranks than rows \(400\)'
# The generator's beside the encoder's backward; the encoder's in two pieces of 60 us, the last beside nothing.
model --share share.json --comm comm.json --ranks 8 --early
says '^ +8 +2\.00 +0\.090 +0\.100 +2\.19 +7\.3 +91% +8\.7% +67%'
model --share share.json --comm comm.json --ranks 8 --early --pieces 2
says '^ +8 +2\.00 +0\.090 +0\.060 +2\.15 '

# Sums that are assumed: 10 us and 7/4 of 4 MB at 70 GB/s are 110 us, of which two follow the compute.
model --share share.json --ranks 8 --box-latency 10 --box-bandwidth 70
says '^ASSUMED: sums: 10 us'
says '^ +8 +2\.00 +0\.090 +0\.220 +2\.31 '
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
