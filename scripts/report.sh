# Sourced by the scripts beside it: how they speak.
# shellcheck shell=bash

# What the caller tells his own Python must not change ours: with PYTHONOPTIMIZE no assertion would be checked.
unset PYTHONOPTIMIZE PYTHONPATH PYTHONHOME PYTHONSTARTUP PYTHONINSPECT CDPATH

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

if [ -t 1 ]; then bold=$'\033[1m' plain=$'\033[0m'; else bold='' plain=''; fi

say() { printf '%s==>%s %s\n' "$bold" "$plain" "$*"; }

# fail CAUSE REMEDY: one line, then the end.
fail() {
  printf 'failed: %s; %s\n' "$1" "$2" >&2
  exit 1
}

# As many compilers at once as there are cores, and 2 GiB of memory for each.
jobs_max() {
  local cores by_memory
  cores=$(nproc)
  by_memory=$(awk '/MemAvailable/ {n = int($2 / 2097152); print n < 1 ? 1 : n}' /proc/meminfo)
  echo $((cores < by_memory ? cores : by_memory))
}

# build_targets PRESET [TARGET...]: configures where needed and builds, with progress fit for a terminal or a log.
build_targets() {
  local preset=$1 log="build/$1.log" start=$SECONDS
  shift
  { mkdir -p build && [ -w build ] && { [ ! -e "$log" ] || [ -w "$log" ]; } && { [ ! -e "build/$preset" ] || [ -w "build/$preset" ]; }; } 2>/dev/null ||
    fail "$(id -un) can't write into $root/build" "build as the user who owns it, or remove that folder"
  if [ -f "build/$preset/CMakeCache.txt" ] && ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "build/$preset/CMakeCache.txt"; then
    say "build/$preset was made in another folder: building it anew"
    rm -rf "build/$preset"
  fi
  if [ ! -f "build/$preset/build.ninja" ]; then
    say "configuring $preset"
    cmake --preset "$preset" >"$log" 2>&1 ||
      { tail -n 20 "$log" >&2; fail "cmake could not configure ($log)" "run ./scripts/setup and try again"; }
  fi
  say "building $preset"
  if [ -t 1 ]; then
    ninja -C "build/$preset" -j "$(jobs_max)" "$@" || fail "the build of $preset broke" "see the compiler's message above"
  else
    # One line for every tenth of the work; everything else only when it breaks.
    NINJA_STATUS='[%f/%t] ' ninja -C "build/$preset" -j "$(jobs_max)" "$@" 2>&1 | tee "$log" | awk '
      match($0, /^\[[0-9]+\/[0-9]+\]/) { split(substr($0, 2, RLENGTH - 2), n, "/"); step = int(10 * n[1] / n[2]);
                                         if (n[2] > 9 && step > last) { last = step; print "    " n[1] " of " n[2]; fflush() } }' ||
      { grep -a -A 20 -m 3 -E 'CMake Error|FAILED:|error:' "$log" >&2 || tail -n 3 "$log" >&2; fail "the build of $preset broke ($log)" "see the compiler's message above"; }
  fi
  say "built $preset in $((SECONDS - start)) s"
}
