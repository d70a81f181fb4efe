#pragma once

#include <dlfcn.h>

#include "libs/base/check.hpp"

/// Marks the definition of a function that a shared library has under the same (mangled) name. The dynamic linker prefers the
/// program's, provided that the program exports it: each such name has its line in CMakeLists.txt.
#define SWARM_REPLACES __attribute__((visibility("default"), used))

namespace swarm::rpc {

/// The library's own function behind ours; aborts when there is none. Look it up once, dlsym takes a lock.
template <class Function>
Function* replaced_function(const char* symbol) {
  auto* const found = reinterpret_cast<Function*>(dlsym(RTLD_NEXT, symbol));
  SWARM_CHECK(found != nullptr, "libgrpc has changed: a function that is replaced is not where it was");
  return found;
}

/// Whether the program's function is called in place of the library's. Not so when the library has no such function, or
/// was linked statically.
inline bool function_is_replaced(const char* symbol) {
  auto* const first = dlsym(RTLD_DEFAULT, symbol);
  auto* const next = dlsym(RTLD_NEXT, symbol);
  return first != nullptr && next != nullptr && first != next;
}

}  // namespace swarm::rpc
