# What the tests of several processes share: sourced with `programs` and `folder` set.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
export OMPI_MCA_btl_vader_single_copy_mechanism=none OMP_NUM_THREADS=1 GOMP_SPINCOUNT=5000
unset EBM_DATA
flags=(synthetic --device cpu --chains 7 --width 4 --generator-width 16 --steps 2 --latent 4 --precision fp32
  --deterministic --guard-gap 1000)

fail() { echo "$(basename "$0"): $*" >&2; exit 1; }
ranks() { local n=$1; shift; timeout -k 5 60 mpirun -n "$n" "$programs/train_ebm_vae" "${flags[@]}" --batch "${batch:-9}" "$@"; }
process_of() { pgrep -f "train_ebm_vae .*--out $folder/$1" | while read -r pid; do  # of rank $2
    ! tr '\0' '\n' <"/proc/$pid/environ" | grep -qx "OMPI_COMM_WORLD_RANK=$2" || echo "$pid"
  done; }
