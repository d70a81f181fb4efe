#pragma once

#include <cstdint>
#include <string>

#include "domain/ids.hpp"
#include "domain/task.hpp"

namespace swarm::orchestrator::codec {

/// Takes out of a run what must not be written down, so that the engine decides the same without it: texts become tags
/// (equal ones equal tags), lease tokens become others. Nothing leads back without the key, which is never stored.
class Redactor {
 public:
  explicit Redactor(std::string key) : key_(std::move(key)) {}

  std::uint64_t mask(std::uint64_t bits) const;
  LeaseToken mask(LeaseToken token) const;
  /// Empty for empty.
  std::string tag(const std::string& text) const;
  TaskSpec without_secrets(TaskSpec spec) const;
  TaskState without_secrets(TaskState state) const;
  Artifact without_secrets(Artifact artifact) const;

 private:
  std::string key_;
};

}  // namespace swarm::orchestrator::codec
