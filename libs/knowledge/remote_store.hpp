#pragma once

#include <cstddef>
#include <vector>

#include "libs/base/result.hpp"
#include "libs/knowledge/knowledge.hpp"

namespace swarm::knowledge {

/// Port: the far end of an outbox, a store that is not ours and that may lose what it was given. Blocks; used by one
/// thread. Errors as Knowledge's; OutOfRange: one request was too large, send less.
class RemoteStore {
 public:
  virtual ~RemoteStore() = default;
  /// Adds statements that were checked before. On an error some of them may have been added: send them again.
  virtual Result<void> send(const std::vector<Statement>& statements) = 0;
  /// Whether a statement that it once accepted is still there.
  virtual Result<bool> holds(const Statement& statement) = 0;
  /// InvalidArgument when it could never keep these statements, whatever its state. No network.
  virtual Result<void> check(const std::vector<Statement>& statements) const = 0;
};

}  // namespace swarm::knowledge
