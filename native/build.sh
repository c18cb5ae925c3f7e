#!/bin/sh
# Builds the native libraries into <target>/classes and <target>/test-classes; Maven calls it.
# Use: build.sh TARGET_FOLDER [SKIP_TESTS [EMULATOR]]   SKIP_TESTS: true leaves out what only tests need,
#                                                        and then EMULATOR: false the emulated driver
set -eu
source=$(cd "$(dirname "$0")" && pwd)
target=$1
skip_tests=${2:-false}
emulator=${3:-true}

missing() {
  echo "[ERROR] clessidra-native: $1 was not found; install it (Debian, Ubuntu: apt-get install $2) and build again." >&2
  exit 1
}
command -v cmake >/dev/null || missing "cmake" cmake
command -v make >/dev/null || missing "make" make
command -v "${CXX:-g++}" >/dev/null || missing "the C++ compiler ${CXX:-g++}" g++

# A build folder that was made elsewhere cannot be used again.
if ! grep -q -s -x "CMAKE_HOME_DIRECTORY:INTERNAL=$source" "$target/cmake/CMakeCache.txt"; then
  rm -rf "$target/cmake"
fi
cmake --log-level=WARNING -G "Unix Makefiles" -S "$source" -B "$target/cmake" \
  -DCMAKE_CXX_COMPILER="${CXX:-g++}" -DCMAKE_BUILD_TYPE=Release -DOUTPUT="$target" >/dev/null
if [ "$skip_tests" = true ]; then
  set -- --target clessidra_cpu forward_cublas forward_cudnn
  if [ "$emulator" = false ]; then
    rm -rf "$target"/classes/dev/clessidra/native/*/emulator
  else
    set -- "$@" clessidra_emulator
  fi
else
  set --
fi
exec cmake --build "$target/cmake" --parallel "$(nproc)" "$@"
