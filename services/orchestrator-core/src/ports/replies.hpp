#pragma once

#include "domain/effect.hpp"

namespace swarm::orchestrator {

/// Port: where answers to commands go, by call id. Called on the committing thread, after the batch is durable; an
/// answer to a call that is gone is dropped. Must not block.
class Replies {
 public:
  virtual ~Replies() = default;
  virtual void answer(CallId call, Reply&& reply) = 0;
  /// All answers of one batch have been given: what was collected may go out.
  virtual void flush() = 0;
};

}  // namespace swarm::orchestrator
