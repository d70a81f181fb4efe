#pragma once

#include "testing/simulator.hpp"

namespace swarm::orchestrator::testing {

/// Deterministic random numbers; also the engine's source of them.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() override { return mix(state_ += 0x9e3779b97f4a7c15ull); }
  std::uint64_t below(std::uint64_t n) { return next() % n; }
  bool percent(std::uint64_t p) { return below(100) < p; }

 private:
  std::uint64_t state_;
};

/// UTC, and a zone whose clocks are set an hour forward, and back again, every two hours.
class SimulatedZones final : public TimeZones {
 public:
  static constexpr const char* kRestless = "Test/Restless";
  std::shared_ptr<const TimeZone> find(std::string_view name) const override {
    if (name == kRestless) return std::make_shared<Restless>();
    return name == "UTC" ? std::make_shared<Utc>() : nullptr;
  }

 private:
  class Restless final : public TimeZone {
   public:
    ZoneSpan at(Seconds utc) const override {
      constexpr Seconds kStretch = std::chrono::hours(2);
      const auto n = utc / kStretch - (utc % kStretch < Seconds(0) ? 1 : 0);
      return {n % 2 == 0 ? Seconds(0) : std::chrono::hours(1), n * kStretch, (n + 1) * kStretch};
    }
  };
};

/// What the simulated agent knows of a task that it was given.
struct Work {
  TaskId task;
  LeaseToken token;
};

struct SimulatedAgent {
  std::string name;
  AgentProfile profile;
  bool by_stream = false;
  bool dead = false;
  bool joined = false;
  std::uint64_t turn = 0;
  CallId waits_for = 0;            // its poll or stream
  std::vector<ResultReport> sent;  // for repeats, long after
};

struct SubmittedRequest {
  SubmitTasks command;
  int tries = 0;
};

/// What must hold, seen from outside the engine: everything that was promised to callers.
class Promises {
 public:
  explicit Promises(const FakeTaskStore& store, std::vector<std::string>& violations)
      : store_(store), violations_(violations) {}

  void submitted(const Submitted& answer);
  void assigned(const Assigned& answer);
  void answered(const ResultAnswer& answer, const ResultReport& report);
  void attached(const Artifact& artifact, const AttachArtifact& sent);
  void changed(const TaskChanged& change, std::set<std::pair<TaskStatus, TaskStatus>>& moves);
  /// Just before a store takes them: what is erased is over and nobody's, and what a schedule made is made once.
  void committing(const Changes& changes);
  /// After a crash: the chain of events starts again at what is durable.
  void recovered();
  /// Everything acknowledged is in the store.
  void check_durable();
  const std::set<TaskId>& acknowledged() const { return acknowledged_; }

 private:
  void check_told(const Changes& changes);
  void violate(std::string what) { violations_.push_back(std::move(what)); }

  const FakeTaskStore& store_;
  std::vector<std::string>& violations_;
  std::set<TaskId> acknowledged_;
  std::map<TaskId, std::vector<LeaseToken>> issued_;
  std::map<LeaseToken, std::uint64_t> accepted_;
  std::map<TaskId, TaskStatus> seen_;
  struct Told {
    std::uint64_t version = 0;
    TaskStatus status{};
  };
  std::map<TaskId, Told> told_;  // the last change of each task that was told of durably
  struct Fired {
    WallTime since{};
    std::uint64_t tasks = 0;
  };
  std::map<std::string, Fired> fired_;  // of each schedule, since it was made
};

/// No task with a dry budget was handed out just now, and every task that waits for money will be looked at again.
void check_money(const TaskEngine& engine, Now now, std::chrono::nanoseconds lease, std::vector<std::string>& violations);
/// The next look at schedules is near enough to notice that the wall clock was set.
void check_schedules(const TaskEngine& engine, Now now, std::vector<std::string>& violations);
/// Of each concurrency key no more than allowed are in work, and nobody waits for one that is free.
void check_keys(const TaskEngine& engine, std::vector<std::string>& violations);
/// The store knows of exactly those files that its tasks name.
void check_files(const FakeTaskStore& store, std::vector<std::string>& violations);
/// The engine's inner books agree with each other.
void check_books(const TaskEngine& engine, bool may_assign, std::vector<std::string>& violations);

}  // namespace swarm::orchestrator::testing
