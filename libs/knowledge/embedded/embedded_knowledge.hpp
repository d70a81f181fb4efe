#pragma once

#include "libs/knowledge/knowledge.hpp"
#include "libs/lmdb/environment.hpp"

namespace swarm::knowledge {

/// Knowledge in two tables of an LMDB environment that the caller owns and keeps alive. Thread-safe.
class EmbeddedKnowledge final : public Knowledge {
 public:
  static Result<std::unique_ptr<EmbeddedKnowledge>> open(lmdb::Environment& environment);

  Result<void> add(const std::vector<Statement>& statements) override;
  Result<std::vector<Statement>> about(std::string_view subject, std::string_view predicate) override;
  Result<std::vector<Statement>> all(std::string_view predicate, std::size_t limit) override;

 private:
  EmbeddedKnowledge(lmdb::Environment& environment, lmdb::Table statements, lmdb::Table by_predicate)
      : environment_(environment), statements_(statements), by_predicate_(by_predicate) {}

  lmdb::Environment& environment_;
  lmdb::Table statements_;    // digest(subject, predicate) digest(object) → statement
  lmdb::Table by_predicate_;  // digest(predicate) subject digest → key in statements_
};

}  // namespace swarm::knowledge
