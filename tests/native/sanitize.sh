#!/bin/sh
# Builds the native part with sanitizers, and runs the tests of the engine on it: `make sanitize`.
set -e
cd "$(dirname "$0")/../.."
bin=${BIN:-.venv/bin}
tests="tests/engines/test_cpu.py tests/engines/test_engines_agree.py tests/engines/test_threads.py tests/engines/test_interrupt.py tests/inference/test_stream.py"

build() { # name, sanitizers
  "$bin/cmake" -S . -B "build/sanitize-$1" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo \
    -DTHROUGHTIME_SANITIZE="$2" -DPython_EXECUTABLE="$PWD/$bin/python" \
    -DCMAKE_MAKE_PROGRAM="$PWD/$bin/ninja" >/dev/null
  "$bin/cmake" --build "build/sanitize-$1" >/dev/null
}

run() { # name, runtimes, module, its arguments
  name=$1 runtimes=$2
  shift 2
  libraries=
  for runtime in $runtimes; do
    libraries="$libraries $(${CXX:-g++} -print-file-name=lib$runtime.so)"
  done
  echo "== $name"
  # torch and OpenMP are not built with sanitizers: what happens inside them is not reported
  LD_PRELOAD="$libraries" OMP_NUM_THREADS=1 HYPOTHESIS_PROFILE=sanitize \
    ASAN_OPTIONS=detect_leaks=0:detect_odr_violation=0 \
    UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1 \
    TSAN_OPTIONS="die_after_fork=0:suppressions=tests/native/tsan.supp:ignore_noninstrumented_modules=1" \
    setarch "$(uname -m)" -R "$bin/python" tests/native/sanitized.py \
    "$(ls "$PWD/build/sanitize-$name"/_native.*.so)" "$@"
}

quick="pytest -q -p no:cacheprovider"

build address address,undefined
run address "asan ubsan" $quick "$@" $tests
PYTHONPATH=tests run address "asan ubsan" fuzz --count 1000 --seed 2
build thread thread
run thread tsan $quick -k "not fork" "$@" $tests
run thread tsan $quick -k fork "$@" $tests # by itself: the sanitizer stops at a child whose threads have ids of its parent's
