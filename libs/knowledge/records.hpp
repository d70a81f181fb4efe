#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libs/base/clock.hpp"
#include "libs/knowledge/knowledge.hpp"

namespace swarm::knowledge {

/// A failed run as agents write it down.
struct FailureRecord {
  std::string execution;  // its IRI; the key for paging and for the consolidation mark
  std::string agent;      // IRI
  std::string role;       // name, e.g. "Coder"
  std::string note;       // as stored: a message, or JSON, or JSON within JSON (see message_of_note)
  std::string stack;      // may be empty

  friend bool operator==(const FailureRecord&, const FailureRecord&) = default;
};

/// The amount of a limit event that lifts the limit.
inline constexpr std::string_view kUnlimited = "unlimited";

/// Port: failures that other agents left in the common store. Thread-safe; waits for a network.
class FailureRecords {
 public:
  virtual ~FailureRecords() = default;
  /// Failures without a consolidation mark, in order of their execution, the first ones after `after` (empty: from the
  /// start), at most `limit`, one for each execution. Fewer than `limit` means that these were the last.
  virtual Result<std::vector<FailureRecord>> unconsolidated(std::string_view after, std::size_t limit) = 0;
};

/// What a scope may spend in a day.
struct SpendLimit {
  std::int64_t nanodollars = 0;
  bool unlimited = false;

  friend bool operator==(const SpendLimit&, const SpendLimit&) = default;
};

/// Port: money that the swarm recorded in the common store. Amounts in nano-dollars. Thread-safe; waits for a network.
class SpendRecords {
 public:
  virtual ~SpendRecords() = default;
  /// Everything recorded for a day, e.g. "2026-11-21". Amounts that are no numbers count as nothing.
  virtual Result<std::int64_t> spent_on(std::string_view date) = 0;
  /// The newest limit event of a scope; nothing when there is none. InvalidArgument when it holds no amount.
  virtual Result<std::optional<SpendLimit>> limit_of(std::string_view scope) = 0;
};

/// Whether the swarm may work, as the newest status event in the common store says.
struct ControlState {
  bool halted = false;
  std::string since;  // ISO 8601 as written

  friend bool operator==(const ControlState&, const ControlState&) = default;
};

/// Port: the kill switch. Thread-safe; waits for a network.
class ControlRecords {
 public:
  virtual ~ControlRecords() = default;
  /// Nothing when no status was ever recorded.
  virtual Result<std::optional<ControlState>> control_state() = 0;
};

struct Similar {
  std::string subject;  // IRI
  double score = 0;     // 1 / (1 + distance): 1 is the same
};

/// Port: what is near to a text. Thread-safe; waits for a network. Unavailable where nothing can compare texts.
class SimilaritySearch {
 public:
  virtual ~SimilaritySearch() = default;
  virtual Result<std::vector<Similar>> nearest(std::string_view text, std::size_t count) = 0;
  /// Texts that stand under (subject, predicate), at most eight; as quickly as a search, as somebody waits here too.
  virtual Result<std::vector<std::string>> texts_of(std::string_view subject, std::string_view predicate) = 0;
};

// What our services write down. Subjects come from the ids given, so that the same event written again adds nothing.

/// A golden rule, below its stack, or below its role when the stack is unknown.
std::vector<Statement> rule_statements(std::string_view stack, std::string_view role, std::string_view text);
/// Marks a failure as dealt with.
Statement consolidation_mark(std::string_view execution);
/// `id` is unique per event, e.g. "gateway-1/2026-11-21T10:00:05/global".
std::vector<Statement> spend_statements(std::string_view id, std::string_view date, std::int64_t nanodollars);
std::vector<Statement> limit_statements(std::string_view id, std::string_view scope, const SpendLimit& limit, WallTime at);
/// How one attempt of a task ended. `note` is written for failures only.
struct Execution {
  std::string task;
  int attempt = 0;
  std::string agent;
  std::string role;
  std::string task_type;  // workflow state
  std::string stack;
  bool success = false;
  std::string note;
  WallTime at{};
};
std::vector<Statement> execution_statements(const Execution& execution);
/// One change of a task's state; `version` rises with each.
std::vector<Statement> task_state_statements(std::string_view task, std::uint64_t version, std::string_view state,
                                             std::string_view reason, WallTime at);
std::vector<Statement> control_statements(std::string_view id, bool halted, WallTime at);

/// "0.000001" of 1,000. Never an exponent.
std::string dollars_text(std::int64_t nanodollars);
/// The opposite. InvalidArgument for anything but an optional minus, digits, and at most 9 fraction digits that matter
/// (more are cut off), within ±9.2 billion dollars.
Result<std::int64_t> nanodollars_of(std::string_view text);

/// The message of a note: the first element when the note is a JSON array, the message of an object, however often it was
/// encoded (up to 4 times); the note itself otherwise.
std::string message_of_note(std::string_view note);

/// "2026-11-21T10:00:05.123Z"
std::string iso_time(WallTime at);

}  // namespace swarm::knowledge
