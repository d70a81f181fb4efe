#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "libs/base/clock.hpp"
#include "libs/base/result.hpp"
#include "libs/knowledge/knowledge.hpp"
#include "libs/lmdb/environment.hpp"

namespace swarm::knowledge {

/// Statements on their way to a remote store, numbered in the order in which they came, and kept after they arrived so
/// that they can be sent again. A statement is journaled once, however often it is appended. Thread-safe. The
/// environment belongs to the caller and outlives it. Errors as lmdb::Environment's.
class Journal {
 public:
  struct Limits {
    std::uint64_t unsent_max = 5'000'000;  // append refuses beyond: ResourceExhausted
    std::uint64_t kept_max = 5'000'000;    // sent ones beyond this many are forgotten, oldest first
  };
  struct Batch {
    std::vector<Statement> statements;
    std::uint64_t last = 0;      // number of the last one
    std::int64_t oldest_ms = 0;  // when the first one was appended
  };
  /// A small text of the caller's own, e.g. up to where it has told what happened.
  struct Mark {
    std::string name;
    std::string value;
  };
  struct Position {
    std::uint64_t first = 0;  // oldest number kept; 0 when empty
    std::uint64_t last = 0;   // newest number
    std::uint64_t sent = 0;   // everything up to here arrived
    std::int64_t oldest_unsent_ms = 0;
    std::uint64_t unsent() const { return last - sent; }
  };

  static Result<std::unique_ptr<Journal>> open(lmdb::Environment& environment, Limits limits);

  /// Durable when it returns, the mark together with the statements. How many statements were new.
  Result<std::size_t> append(const std::vector<Statement>& statements, WallTime now, const Mark* mark = nullptr);
  /// What was marked last under this name.
  Result<std::optional<std::string>> marked(const std::string& name) const;
  /// The next unsent statements, at least one if there is any, otherwise within both limits.
  Result<Batch> next(std::size_t bytes_max, std::size_t count_max) const;
  /// Everything up to `last` arrived.
  Result<void> mark_sent(std::uint64_t last);
  /// Everything that is kept is unsent again.
  Result<void> rewind();
  /// The statement of this number; nothing when it was forgotten or never was.
  Result<std::optional<Statement>> statement(std::uint64_t number) const;
  Result<Position> position() const;

 private:
  Journal(lmdb::Environment& environment, Limits limits, lmdb::Table entries, lmdb::Table known, lmdb::Table state)
      : environment_(environment), limits_(limits), entries_(entries), known_(known), state_(state) {}
  Result<void> forget_oldest(lmdb::WriteTxn& txn, std::uint64_t sent) const;

  lmdb::Environment& environment_;
  Limits limits_;
  lmdb::Table entries_;  // number → time, statement
  lmdb::Table known_;    // digest of a statement → number
  lmdb::Table state_;    // "sent" → number, "mark:" name → text
};

}  // namespace swarm::knowledge
