#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "domain/told_change.hpp"
#include "libs/base/result.hpp"

namespace swarm::orchestrator {

/// Port: every change as it became durable, in order, for the one who has to tell of all of them. Each was stored in the
/// commit of the change itself, so that a crash loses none; they are numbered from 1 without gaps. Thread-safe.
class ChangeFeed {
 public:
  struct Page {
    std::vector<ToldChange> changes;
    std::uint64_t first = 0;  // number of the first one; 0: there are none
  };
  virtual ~ChangeFeed() = default;
  /// At most `limit`, oldest first, of those after `after`. Where more waited than may, the oldest are gone.
  virtual Result<Page> changes(std::uint64_t after, std::size_t limit) const = 0;
  /// Everything up to this number was told: it goes with one of the next commits. A number that the store has not come to
  /// (a backup was put back, the outbox is newer) is never given to a change again.
  virtual void told(std::uint64_t number) = 0;
};

}  // namespace swarm::orchestrator
