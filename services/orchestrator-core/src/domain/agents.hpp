#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "domain/command.hpp"
#include "domain/requirements.hpp"

namespace swarm::orchestrator {

struct TaskEntry;
struct AgentGroup;

/// A registered agent. Soft state: gone after a restart.
struct Agent {
  AgentProfile profile;
  std::uint64_t number = 0;  // order of joining; breaks every tie
  BootTime last_seen{};
  CallId poll = 0;           // the parked poll, if any
  BootTime poll_until{};
  CallId link = 0;           // the open stream, if any
  int credit = 0;            // assignments that the stream still takes
  bool drained = false;      // gets nothing new
  std::uint64_t ticket = 0;  // place among the waiting; 0: does not wait
  AgentGroup* group = nullptr;
  std::map<TaskNumber, TaskEntry*> held;
};

/// Agents that offer the same. Those that wait, in the order in which they began to.
struct AgentGroup {
  std::map<std::uint64_t, Agent*> waiting;
  std::size_t members = 0;
};

/// Who is there, who waits for work, and which poll ends when.
class Agents {
 public:
  explicit Agents(std::size_t agents_max) : agents_max_(agents_max) {}

  /// Joins, or updates the profile of the agent of that name. Null when there are too many.
  Agent* join(AgentProfile profile, BootTime now);
  Agent* find(std::string_view name);
  Agent* by_call(CallId poll_or_link);

  void park_poll(Agent& agent, CallId call, BootTime until);
  /// Returns the call that was parked, or 0.
  CallId unpark(Agent& agent);
  void open_link(Agent& agent, CallId link);
  void close_link(Agent& agent);
  /// Puts the agent among the waiting, or takes it out, by its poll and credit.
  void settle(Agent& agent);
  /// The same, but behind all who wait already: it just got something.
  void rotate(Agent& agent);

  Agent* longest_waiting(const Requirements& task);
  std::vector<Agent*> waiting_in_order();
  std::optional<BootTime> next_poll_end() const;
  /// The agent whose poll ends first, if that is due.
  Agent* poll_due(BootTime now);
  /// Forgets agents that hold nothing, wait for nothing, and were not heard of since.
  void forget_silent(BootTime before);

  std::map<std::string, Agent, std::less<>>& all() { return agents_; }
  const std::map<std::string, Agent, std::less<>>& all() const { return agents_; }
  std::size_t waiting() const { return waiting_; }

 private:
  using GroupKey = std::tuple<std::string, std::vector<std::string>, std::vector<std::string>, std::vector<std::string>>;
  void leave_group(Agent& agent);
  void enter_group(Agent& agent);
  void stop_waiting(Agent& agent);

  std::size_t agents_max_;
  std::map<std::string, Agent, std::less<>> agents_;
  std::map<GroupKey, AgentGroup> groups_;
  std::map<CallId, Agent*> calls_;
  std::map<std::pair<BootTime, std::uint64_t>, Agent*> poll_ends_;
  std::uint64_t last_number_ = 0;
  std::uint64_t last_ticket_ = 0;
  std::size_t waiting_ = 0;
};

}  // namespace swarm::orchestrator
