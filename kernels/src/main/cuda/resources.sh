#!/bin/sh
# Prints RESOURCES.md: what each kernel takes of a GPU; fails where a kernel spills registers.
# Use: build.sh resources
set -eu
source=$(cd "$(dirname "$0")" && pwd)
nvcc=$1
[ -n "$nvcc" ] || { echo "[ERROR] There is no nvcc to ask." >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

for file in "$source"/*.cu; do echo "#include \"${file##*/}\""; done >"$work/kernels.cu"
compile() { # virtual architecture, real architectures
  "$nvcc" -ptx -std=c++20 -O3 --fmad=false -prec-div=true -prec-sqrt=true -ftz=false \
    "-I$source" "-I$source/../../../../native/include" "-arch=compute_$1" \
    "$work/kernels.cu" -o "$work/$1.ptx"
  for real in $2; do
    "$nvcc" -cubin -O3 --fmad=false "-arch=sm_$real" -Xptxas -v "$work/$1.ptx" \
      -o "$work/cubin" 2>>"$work/log"
  done
}
compile 80 "80 86 89 100"
compile 90a 90a

cat <<END
# What the CUDA kernels take of a GPU

Printed by \`build.sh resources\`, which asks the assembler of $("$nvcc" --version | grep -o 'release [0-9.]*')
of CUDA (\`ptxas -v\`): registers of a thread for each architecture, bytes of shared memory of a block,
bytes of registers spilled to memory on all architectures together, and the share of the 64 warps of
a multiprocessor of sm_90 that can be resident at once.

END

awk '
  # PTX: the threads of a block.
  FILENAME ~ /\.ptx$/ {
    if ($0 ~ /\.entry /) { split($0, part, /\.entry |\(/); entry = part[2] }
    if ($1 == ".maxntid") threads[entry] = $2 + 0
    next
  }
  # The assembler says, for an architecture: the kernel, its spills, what it uses.
  /Compiling entry function/ { split($0, part, "\047"); kernel = part[2]; real = part[4] }
  /spill stores/ { spills[kernel] += $5 + $9 }
  /Used [0-9]+ registers/ {
    match($0, /Used [0-9]+/)
    registers[kernel, real] = substr($0, RSTART + 5, RLENGTH - 5) + 0
    if (match($0, /[0-9]+ bytes smem/)) shared[kernel] = substr($0, RSTART, RLENGTH) + 0
  }
  function least(a, b) { return a < b ? a : b }
  END {
    print "| kernel | threads | sm_80 | sm_86 | sm_89 | sm_90a | sm_100 | shared bytes | spilled bytes | occupancy |"
    print "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|"
    count = 0
    for (name in threads) names[++count] = name
    for (i = 2; i <= count; ++i) {
      name = names[i]
      for (j = i - 1; j > 0 && names[j] > name; --j) names[j + 1] = names[j]
      names[j + 1] = name
    }
    for (i = 1; i <= count; ++i) {
      name = names[i]
      # sm_90: 64 warps, 32 blocks, 65,536 registers given to a warp by 256, 228 KiB of shared
      # memory of which a block takes 1 KiB more than it declares.
      warps = int((threads[name] + 31) / 32)
      each = int((registers[name, "sm_90a"] * 32 + 255) / 256) * 256
      blocks = least(32, int(64 / warps))
      blocks = least(blocks, int(int(65536 / each) / warps))
      blocks = least(blocks, int(233472 / (shared[name] + 1024)))
      printf "| %s | %d | %d | %d | %d | %d | %d | %d | %d | %d %% |\n", name, threads[name],
        registers[name, "sm_80"], registers[name, "sm_86"], registers[name, "sm_89"],
        registers[name, "sm_90a"], registers[name, "sm_100"], shared[name], spills[name],
        blocks * warps * 100 / 64
      spilled += spills[name]
    }
    exit spilled > 0
  }
' "$work/90a.ptx" "$work/log"
