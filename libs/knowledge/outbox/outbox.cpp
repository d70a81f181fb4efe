#include "libs/knowledge/outbox/outbox.hpp"

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <thread>

#include "libs/telemetry/logging.hpp"

namespace swarm::knowledge {
namespace {

constexpr std::string_view kFailuresName = "swarm_knowledge_outbox_failures_total";
constexpr std::string_view kFailuresHelp = "Failed attempts to send to the knowledge store.";
constexpr std::size_t kWitnessesMax = 16;  // asked for one by one

}  // namespace

struct Outbox::Impl {
  Impl(std::unique_ptr<Journal> j, RemoteStore& r, const Clock& c, metrics::Registry& m, OutboxOptions o)
      : journal(std::move(j)), remote(r), clock(c), registry(m), options(o), batch_bytes(o.batch_bytes_max),
        sent_total(m.counter("swarm_knowledge_outbox_sent_total", "Statements that arrived in the knowledge store.")) {
    publish();
    thread = std::thread([this] { run(); });
  }

  void stop() {
    {
      std::lock_guard lock(mutex);
      stopping = true;
    }
    wake.notify_all();
    thread.join();
  }

  // -- the sender's thread --------------------------------------------------------------------------------------------

  void run() {
    while (!is_stopping()) {
      const auto step = verify_if_due();
      const auto moved = step ? send_batch() : Result<bool>(step.error());
      if (!moved) {
        failed(moved.error());
      } else if (!moved.value()) {
        wait_for_work();
      }
    }
  }

  Result<void> verify_if_due() {
    if (verified && clock.boot_now() < verify_at) return outcome::success();
    BOOST_OUTCOME_TRY(const bool whole, is_whole());
    if (!whole) {
      BOOST_OUTCOME_TRY(start_over("the knowledge store lost what it had; everything is sent again"));
    }
    verified = true;
    verify_at = clock.boot_now() + options.verify_every;
    return outcome::success();
  }

  /// A store that comes back with less than it had may have taken more before anyone looks: its newest statement alone says
  /// nothing. So the last one of every batch since the last look is asked for.
  Result<bool> is_whole() {
    BOOST_OUTCOME_TRY(const auto position, journal->position());
    std::erase_if(witnesses, [&](std::uint64_t number) { return number > position.sent; });  // a rewind
    add_witness(position.sent);
    for (const auto number : witnesses) {
      BOOST_OUTCOME_TRY(const auto statement, journal->statement(number));
      if (!statement) continue;
      BOOST_OUTCOME_TRY(const bool there, remote.holds(*statement));
      if (!there) return false;
    }
    witnesses = {position.sent};
    return true;
  }

  void add_witness(std::uint64_t number) {
    if (witnesses.empty() || witnesses.back() < number) witnesses.push_back(number);
    if (witnesses.size() <= kWitnessesMax) return;
    std::size_t kept = 0;
    for (std::size_t i = 0; i < witnesses.size(); i += 2) witnesses[kept++] = witnesses[i];
    witnesses.resize(kept);
  }

  Result<void> start_over(std::string_view why) {
    BOOST_OUTCOME_TRY(journal->rewind());
    registry.counter("swarm_knowledge_outbox_resyncs_total", "Times that the whole journal was sent again.").add();
    {
      std::lock_guard lock(mutex);
      ++resyncs;
    }
    log::warn(why);
    return outcome::success();
  }

  /// False when there was nothing to send.
  Result<bool> send_batch() {
    const auto began_in = current_generation();
    BOOST_OUTCOME_TRY(const auto batch, journal->next(batch_bytes, options.batch_statements_max));
    if (batch.statements.empty()) {
      succeeded();
      return false;
    }
    const auto sent = remote.send(batch.statements);
    if (!sent && sent.error().code == Code::OutOfRange && batch.statements.size() > 1) {
      batch_bytes = std::max<std::size_t>(batch_bytes / 2, 1);
      return true;
    }
    if (!sent) return sent.error();
    sent_total.add(batch.statements.size());
    batch_bytes = std::min(batch_bytes * 2, options.batch_bytes_max);
    succeeded();
    // A resync that was asked for meanwhile has moved the position back: this batch must not move it forward again.
    std::lock_guard lock(rewinding);
    if (began_in == current_generation()) {
      BOOST_OUTCOME_TRY(journal->mark_sent(batch.last));
      add_witness(batch.last);
    }
    return true;
  }

  void succeeded() {
    std::lock_guard lock(mutex);
    if (failures > 0) log::info("the knowledge store takes statements again", {{"failures", failures}});
    failures = 0;
    last_error.clear();
    retry_after = options.retry_first;
  }

  void failed(const Error& error) {
    registry.counter(kFailuresName, kFailuresHelp, {{"code", std::string(name(error.code))}}).add();
    verified = false;
    std::unique_lock lock(mutex);
    if (failures++ == 0) log::warn("the knowledge store takes no statements", {{"code", name(error.code)}, {"error", error.message}});
    last_error = std::string(name(error.code)) + ": " + error.message;
    wake.wait_for(lock, retry_after, [this] { return stopping; });
    retry_after = std::min(retry_after * 2, options.retry_max);
  }

  void wait_for_work() {
    std::unique_lock lock(mutex);
    wake.wait_for(lock, options.verify_every, [this] { return stopping || appended; });
    appended = false;
  }

  bool is_stopping() const {
    std::lock_guard lock(mutex);
    return stopping;
  }
  std::uint64_t current_generation() const {
    std::lock_guard lock(mutex);
    return generation;
  }

  // -- state ----------------------------------------------------------------------------------------------------------

  OutboxState state() const {
    OutboxState out;
    const auto position = journal->position();
    if (position) {
      const auto& p = position.value();
      out.pending = p.unsent();
      out.kept = p.first == 0 ? 0 : p.last - p.first + 1;
      if (p.oldest_unsent_ms > 0 && out.pending > 0) {
        out.lag_seconds = std::max(0.0, static_cast<double>(unix_ms(clock.wall_now()) - p.oldest_unsent_ms) / 1e3);
      }
    }
    std::lock_guard lock(mutex);
    out.resyncs = resyncs;
    out.failures_in_a_row = failures;
    out.last_error = position ? last_error : position.error().message;
    return out;
  }

  void publish() {
    registry.gauge_callback("swarm_knowledge_outbox_pending", "Statements that wait for the knowledge store.", {},
                            [this] { return static_cast<double>(state().pending); });
    registry.gauge_callback("swarm_knowledge_outbox_lag_seconds", "Age of the oldest statement that waits.", {},
                            [this] { return state().lag_seconds; });
    registry.gauge_callback("swarm_knowledge_outbox_journal_entries", "Statements in the journal, sent ones included.", {},
                            [this] { return static_cast<double>(state().kept); });
  }

  void unpublish() {
    for (const auto* gauge : {"swarm_knowledge_outbox_pending", "swarm_knowledge_outbox_lag_seconds", "swarm_knowledge_outbox_journal_entries"}) {
      registry.gauge_callback(gauge, "", {}, [] { return 0.0; });
    }
  }

  const std::unique_ptr<Journal> journal;
  RemoteStore& remote;
  const Clock& clock;
  metrics::Registry& registry;
  const OutboxOptions options;

  // Of the sender's thread only.
  std::size_t batch_bytes;
  bool verified = false;
  std::vector<std::uint64_t> witnesses;  // numbers of statements that arrived, rising
  BootTime verify_at{};
  metrics::Counter& sent_total;

  std::mutex rewinding;  // between a resync and marking a batch as sent
  mutable std::mutex mutex;
  std::condition_variable wake;
  bool stopping = false;
  bool appended = false;
  std::uint64_t generation = 0;
  std::uint64_t resyncs = 0;
  std::uint64_t failures = 0;
  std::string last_error;
  std::chrono::milliseconds retry_after = options.retry_first;
  std::thread thread;
};

Outbox::Outbox(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Outbox::~Outbox() {
  impl_->stop();
  impl_->unpublish();
}

Result<std::unique_ptr<Outbox>> Outbox::open(lmdb::Environment& environment, RemoteStore& remote, const Clock& clock,
                                             metrics::Registry& registry, OutboxOptions options) {
  BOOST_OUTCOME_TRY(auto journal, Journal::open(environment, options.limits));
  return std::unique_ptr<Outbox>(new Outbox(std::make_unique<Impl>(std::move(journal), remote, clock, registry, options)));
}

Result<void> Outbox::append(const std::vector<Statement>& statements) { return append(statements, nullptr); }

Result<void> Outbox::append(const std::vector<Statement>& statements, const Journal::Mark& mark) { return append(statements, &mark); }

Result<std::optional<std::string>> Outbox::marked(const std::string& name) const { return impl_->journal->marked(name); }

Result<void> Outbox::append(const std::vector<Statement>& statements, const Journal::Mark* mark) {
  BOOST_OUTCOME_TRY(impl_->remote.check(statements));
  BOOST_OUTCOME_TRY(const auto added, impl_->journal->append(statements, impl_->clock.wall_now(), mark));
  if (added == 0) return outcome::success();
  {
    std::lock_guard lock(impl_->mutex);
    impl_->appended = true;
  }
  impl_->wake.notify_all();
  return outcome::success();
}

Result<void> Outbox::resync() {
  {
    std::lock_guard rewinding(impl_->rewinding);
    {
      std::lock_guard lock(impl_->mutex);
      ++impl_->generation;
      impl_->appended = true;
    }
    BOOST_OUTCOME_TRY(impl_->start_over("a resync was asked for; everything is sent again"));
  }
  impl_->wake.notify_all();
  return outcome::success();
}

OutboxState Outbox::state() const { return impl_->state(); }

std::string Outbox::detail() const {
  const auto s = state();
  if (s.pending == 0) return s.last_error.empty() ? "everything arrived" : s.last_error;
  char head[96];
  std::snprintf(head, sizeof head, "%llu statements wait for the store, the oldest for %.0f s",
                static_cast<unsigned long long>(s.pending), s.lag_seconds);
  return s.last_error.empty() ? head : std::string(head) + ": " + s.last_error;
}

}  // namespace swarm::knowledge
