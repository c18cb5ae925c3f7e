#!/bin/sh
# Builds the CUDA kernels into <target>/classes; Maven calls it.
# Use: build.sh TARGET_FOLDER [FATBIN [EMULATOR]]   the fatbin, where there is an nvcc and FATBIN is not
#                                                    false, and the emulator's library unless EMULATOR is
#      build.sh resources                            prints the table of RESOURCES.md
set -eu
source=$(cd "$(dirname "$0")" && pwd)

nvcc=$(command -v nvcc || true)
for folder in "${CUDA_HOME:-}" /usr/local/cuda; do
  if [ -z "$nvcc" ] && [ -n "$folder" ] && [ -x "$folder/bin/nvcc" ]; then
    nvcc=$folder/bin/nvcc
  fi
done

if [ "$1" = resources ]; then
  exec sh "$source/resources.sh" "$nvcc"
fi
target=$1
fatbin=${2:-true}
emulator=${3:-true}

missing() {
  echo "[ERROR] clessidra-kernels: $1 was not found; install it (Debian, Ubuntu: apt-get install $1) and build again." >&2
  exit 1
}
command -v cmake >/dev/null || missing cmake
command -v make >/dev/null || missing make
command -v "${CXX:-g++}" >/dev/null || missing "${CXX:-g++}"

if [ "$fatbin" = false ]; then
  nvcc=
elif [ -z "$nvcc" ]; then
  echo "[WARNING] clessidra-kernels: no nvcc on PATH, in CUDA_HOME or /usr/local/cuda: the CUDA kernels are left out."
fi
# What an earlier build left may stay only as long as it is of these sources.
image=$target/classes/dev/clessidra/kernels/cuda/kernels.fatbin
if [ -z "$nvcc" ] && [ -f "$image" ] && [ -n "$(find "$source" "$source/../../../../native/include" -type f -newer "$image")" ]; then
  rm "$image"
fi
set --
if [ -n "$nvcc" ]; then set -- fatbin; fi
if [ "$emulator" = false ]; then
  rm -rf "$target"/classes/dev/clessidra/native/*/emulator
else
  set -- "$@" clessidra_emulated
fi
if [ $# = 0 ]; then exit; fi
# A build folder that was made elsewhere cannot be used again.
if ! grep -q -s -x "CMAKE_HOME_DIRECTORY:INTERNAL=$source" "$target/cmake/CMakeCache.txt"; then
  rm -rf "$target/cmake"
fi
cmake --log-level=WARNING -G "Unix Makefiles" -S "$source" -B "$target/cmake" \
  -DCMAKE_CXX_COMPILER="${CXX:-g++}" -DCMAKE_BUILD_TYPE=None -DOUTPUT="$target" \
  -DNVCC="$nvcc" >/dev/null
exec cmake --build "$target/cmake" --parallel "$(nproc)" --target "$@"
