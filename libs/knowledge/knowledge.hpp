#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "libs/base/result.hpp"

namespace swarm::knowledge {

/// One fact of the swarm's knowledge. Subject and predicate are IRIs; the object is an IRI or a text.
struct Statement {
  std::string subject;
  std::string predicate;
  std::string object;
  bool object_is_text = false;

  friend bool operator==(const Statement&, const Statement&) = default;
  friend auto operator<=>(const Statement&, const Statement&) = default;
};

/// Port: what the swarm knows in common (golden rules, permissions, kill switch, …), as statements that are only ever
/// added. Adding one twice changes nothing. Thread-safe; calls may wait for a disk or a network, so never from a hot path.
/// Errors: InvalidArgument (not an IRI), ResourceExhausted (full), Unavailable (not reachable; try again).
class Knowledge {
 public:
  virtual ~Knowledge() = default;
  /// Durable when it returns, or nothing of it is. At most 10,000 statements at once.
  virtual Result<void> add(const std::vector<Statement>& statements) = 0;
  /// Every object of (subject, predicate, ?), sorted.
  virtual Result<std::vector<Statement>> about(std::string_view subject, std::string_view predicate) = 0;
  /// Every statement with this predicate, sorted by subject, at most `limit`.
  virtual Result<std::vector<Statement>> all(std::string_view predicate, std::size_t limit) = 0;
};

inline constexpr std::size_t kStatementsPerAddMax = 10'000;

/// What every adapter refuses before it stores anything: too many at once, not an IRI, not a text.
Result<void> check_statements(const std::vector<Statement>& statements);

}  // namespace swarm::knowledge
