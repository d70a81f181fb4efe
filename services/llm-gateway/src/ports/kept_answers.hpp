#pragma once

#include <string>

#include "libs/base/clock.hpp"

namespace swarm::gateway {

/// Port: answers of Complete that nobody took, for the caller who tries again after this process was killed. A memory
/// that may fail without anybody noticing but by paying twice. Never waits for a disk; thread-safe.
class KeptAnswers {
 public:
  struct Entry {
    std::string id;
    std::string text;
    WallTime until{};
  };
  virtual ~KeptAnswers() = default;
  virtual void keep(Entry entry) = 0;
  virtual void drop(std::string id) = 0;
};

}  // namespace swarm::gateway
