#pragma once

#include <cstdint>
#include <vector>

#include "ports/spend_journal.hpp"

namespace swarm::gateway {

struct NumberedRow {
  std::uint64_t number = 0;
  UsageRow row;
};

/// Port: where usage rows go besides the ledger, at least once each and in order. Used from one thread; calls may wait for
/// the disk.
class UsageSink {
 public:
  virtual ~UsageSink() = default;
  /// The number of the last row that the sink has for sure. The first time ever it begins behind `newest`.
  virtual Result<std::uint64_t> last(std::uint64_t newest) = 0;
  /// All of them are durable when it returns; after an error any part may be, and all come again.
  virtual Result<void> write(const std::vector<NumberedRow>& rows) = 0;
  /// Now and then: what has been kept for long enough goes.
  virtual void tidy() = 0;
};

}  // namespace swarm::gateway
