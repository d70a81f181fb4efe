#include "testing/replay.hpp"

#include <cstdio>

#include "adapters/codec/command_record.hpp"
#include "adapters/codec/record.hpp"
#include "adapters/command_log/log_format.hpp"
#include "application/commit_pipeline.hpp"
#include "application/engine_digest.hpp"
#include "testing/fake_task_store.hpp"

namespace swarm::orchestrator::testing {
namespace {

using codec::Reader;
using command_log::Entry;
using command_log::EntryKind;

/// The numbers that the run drew.
class Recorded final : public Random {
 public:
  std::uint64_t next() override {
    if (at_ == draws_.size()) {
      ++surplus_;
      return 0;
    }
    return draws_[at_++];
  }
  void refill(std::vector<std::uint64_t> draws) {
    draws_ = std::move(draws);
    at_ = 0;
  }
  bool fits() const { return surplus_ == 0 && at_ == draws_.size(); }

 private:
  std::vector<std::uint64_t> draws_;
  std::size_t at_ = 0;
  std::size_t surplus_ = 0;
};

Error malformed(std::string_view what) { return {Code::DataLoss, "the command log holds a malformed " + std::string(what)}; }

Now read_now(Reader& in) {
  Now out;
  out.boot = BootTime(BootTime::duration(in.i64()));
  out.wall = in.time();
  return out;
}

class Run {
 public:
  Run(const command_log::Setup& setup, const TimeZones& zones)
      : zones_(zones), engine_(setup.limits, setup.rules, Workflow(setup.workflow)), pipeline_(engine_, store_, zones, setup.finished_kept) {}

  /// `rest` begins behind the entry; the draws of an entry stand in the next one.
  Result<void> take(const Entry& entry, std::string_view& rest) {
    Reader in(entry.payload);
    switch (entry.kind) {
      case EntryKind::Task: return load(in);
      case EntryKind::Started: return start(in);
      case EntryKind::Command: return apply(in, entry, rest);
      case EntryKind::Tick: {
        ++report.ticks;
        const Now now = read_now(in);
        BOOST_OUTCOME_TRY(draws(rest));
        BOOST_OUTCOME_TRY(pipeline_.tick(now, random_));
        return check_draws("tick");
      }
      case EntryKind::Fail: {
        const Now now = read_now(in);
        BOOST_OUTCOME_TRY(draws(rest));
        BOOST_OUTCOME_TRYV(pipeline_.failed(now, random_));
        batch_.reset();
        return check_draws("failed commit");
      }
      case EntryKind::HandedOver: batch_ = pipeline_.hand_over(); return outcome::success();
      case EntryKind::Committed: return commit();
      case EntryKind::Digest: compare(in); return outcome::success();
      case EntryKind::Ended: report.complete = entry.payload.empty(); return outcome::success();
      case EntryKind::Setup:
      case EntryKind::After: break;
    }
    return malformed("entry");
  }

  ReplayReport report;

 private:
  Result<void> load(Reader& in) {
    read_now(in);
    auto spec = codec::decode_spec(in.text());
    auto state = codec::decode_state(in.text());
    if (!spec || !state) return malformed("task");
    Changes changes;
    changes.tasks.push_back({{std::make_shared<TaskSpec>(std::move(*spec)), std::make_shared<TaskState>(std::move(*state))}, true});
    return store_.commit(changes);
  }

  template <class Decode, class List>
  bool read_list(Reader& in, Decode decode, List& out) {
    for (std::size_t n = in.count(); n > 0; --n) {
      auto value = decode(in.text());
      if (!value) return false;
      out.push_back(std::move(*value));
    }
    return in.ok();
  }

  Result<void> start(Reader& in) {
    const Now now = read_now(in);
    Changes changes;
    std::vector<Hold> holds;
    if (!read_list(in, codec::decode_rule, changes.rules)) return malformed("rule");
    changes.dispatch = codec::decode_dispatch(in.text());
    if (!read_list(in, codec::decode_hold, holds) || !read_list(in, codec::decode_schedule, changes.schedules)) return malformed("start");
    for (auto& hold : holds) changes.holds.push_back({std::move(hold), true});
    BOOST_OUTCOME_TRY(store_.commit(changes));
    BOOST_OUTCOME_TRY(pipeline_.recover(now));
    const auto first = in.u64();
    const auto last = in.u64();
    engine_.restore_outcomes(first, last);
    engine_.restore_next_number(in.u64());
    return outcome::success();
  }

  Result<void> draws(std::string_view& rest) {
    const auto after = command_log::next_entry(rest);
    if (!after || after->kind != EntryKind::After) return malformed("end");
    Reader in(after->payload);
    std::vector<std::uint64_t> numbers(in.count());
    for (auto& number : numbers) number = in.fixed();
    random_.refill(std::move(numbers));
    return outcome::success();
  }

  Result<void> apply(Reader& in, const Entry& entry, std::string_view& rest) {
    ++report.commands;
    const std::size_t whole = entry.payload.size();
    const Now now = read_now(in);
    auto command = codec::decode_command(entry.payload.substr(whole - in.left()), zones_);
    if (!command) return malformed("command");
    BOOST_OUTCOME_TRY(draws(rest));
    BOOST_OUTCOME_TRY(pipeline_.apply(std::move(*command), now, random_));
    return check_draws("command " + std::to_string(report.commands));
  }

  Result<void> commit() {
    if (!batch_) return malformed("order of commits");
    ++report.commits;
    BOOST_OUTCOME_TRY(store_.commit(batch_->changes));
    batch_.reset();
    pipeline_.committed();
    return outcome::success();
  }

  Result<void> check_draws(const std::string& where) {
    if (!random_.fits() && report.difference.empty()) report.difference = "random numbers at " + where;
    return outcome::success();
  }

  void compare(Reader& in) {
    if (digest_of(engine_) == in.fixed()) {
      ++report.digests;
    } else if (report.difference.empty()) {
      report.difference = "the state after " + std::to_string(report.commands) + " commands and " + std::to_string(report.commits) + " commits";
    }
  }

  const TimeZones& zones_;
  TaskEngine engine_;
  FakeTaskStore store_;
  CommitPipeline pipeline_;
  Recorded random_;
  std::shared_ptr<Batch> batch_;
};

}  // namespace

Result<ReplayReport> replay(std::string_view log, const TimeZones& zones) {
  if (!log.starts_with(command_log::kMagic)) return Error{Code::DataLoss, "this is no command log of this format"};
  log.remove_prefix(command_log::kMagic.size());
  const auto first = command_log::next_entry(log);
  const auto setup = first && first->kind == EntryKind::Setup ? command_log::decode_setup(first->payload) : std::nullopt;
  if (!setup) return malformed("beginning");
  Run run(*setup, zones);
  while (const auto entry = command_log::next_entry(log)) {
    auto taken = run.take(*entry, log);
    // A record that was cut off, by a crash or by its bound, is repeated as far as it goes.
    if (auto rest = log; !taken && !command_log::next_entry(rest)) break;
    BOOST_OUTCOME_TRY(std::move(taken));
    if (!run.report.difference.empty()) break;
  }
  return std::move(run.report);
}

}  // namespace swarm::orchestrator::testing
