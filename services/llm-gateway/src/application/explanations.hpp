#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "domain/budget_ledger.hpp"
#include "domain/catalog.hpp"
#include "domain/usage.hpp"
#include "ports/spend_journal.hpp"

namespace swarm::gateway {

/// One try to get an answer from an upstream.
struct Attempt {
  std::string upstream;
  int status = 0;          // 0: no answer
  std::string fault;       // why there was none
};

/// The budget that came nearest to refusing a request.
struct Tightest {
  std::string scope;       // empty: no scope on its path has a limit
  WindowKind window = WindowKind::Day;
  Money limit;
  Money spent;
  Money left;              // with this request's reservation taken off
};

/// What was decided about one request, and by what.
struct Explanation {
  WallTime at{};
  std::string request_id;
  std::string key;
  std::string team;
  std::string task;
  std::string model;           // as asked for
  std::string upstream;
  std::string upstream_model;  // empty: the same
  PriceSource price_source = PriceSource::None;
  std::string price_version;
  bool admitted = false;
  Money reserved;
  Money ceiling;
  Tightest tightest;
  std::optional<Refusal> refusal;  // by a budget or a limit
  std::string problem;             // what the caller was told instead of an answer
  std::vector<std::string> guard;  // what the privacy guard found, never the text
  std::vector<Attempt> attempts;
  Ending ending = Ending::Ok;
  int status = 0;
  Usage usage;
  Money cost;
  std::uint32_t duration_ms = 0;
};

/// The same in sentences, in the order in which it was decided.
std::vector<std::string> sentences(const Explanation& explanation);

/// The last requests' explanations, in memory only. Holds no prompt. Thread-safe; the lock is held for some copies of short texts.
class Explanations {
 public:
  explicit Explanations(std::size_t kept_max) : kept_max_(kept_max) {}
  bool wanted() const { return kept_max_ > 0; }
  void put(Explanation explanation);
  /// `fill` writes the newest one over the oldest, so that its texts keep their memory: what it does not set is the oldest one's,
  /// but for refusal, problem, guard and attempts, which are empty.
  template <class Fill>
  void write(const Fill& fill) {
    if (!wanted()) return;
    std::lock_guard lock(mutex_);
    fill(oldest());
  }
  std::optional<Explanation> find(std::string_view request_id) const;

 private:
  Explanation& oldest();

  std::size_t kept_max_;
  mutable std::mutex mutex_;  // of what follows
  std::deque<Explanation> ring_;  // grows without moving what is there
  std::size_t next_ = 0;
};

}  // namespace swarm::gateway
