#pragma once

#include <variant>

#include "testing/simulated_world.hpp"

namespace swarm::orchestrator::testing {

// What a call is about, in its id.
inline constexpr CallId kPollCalls = 1ull << 60;
inline constexpr CallId kStreamCalls = 2ull << 60;
inline constexpr CallId kResultCalls = 3ull << 60;
inline constexpr CallId kSubmitCalls = 4ull << 60;
inline constexpr CallId kOtherCalls = 5ull << 60;
inline constexpr CallId kFileCalls = 6ull << 60;

/// One run: the state of the simulated world and everything that can happen in it.
struct Simulator::World {
  struct CommitEnds {
    std::uint64_t life;
  };
  struct AgentActs {
    std::size_t agent;
    std::uint64_t turn;  // only the last one planned counts
  };
  struct AgentReports {
    std::size_t agent;
    ResultReport report;
  };
  struct AgentBeats {
    std::size_t agent;
    Work work;
    int left;
  };
  struct AgentHandsIn {
    std::size_t agent;
    AttachArtifact file;
  };
  struct Arrives {
    Command command;
  };
  struct ClientActs {};
  using Event = std::variant<CommitEnds, AgentActs, AgentReports, AgentBeats, AgentHandsIn, Arrives, ClientActs>;

  explicit World(SimulationOptions o);
  Now now() const { return {boot, wall}; }
  void count(const std::string& what) { ++report.counts[what]; }
  template <class E>
  void at(std::chrono::nanoseconds delay, E event) {
    events.emplace(std::pair(boot + delay, ++sequence), Event(std::move(event)));
  }
  void act(std::size_t agent, std::chrono::nanoseconds delay) {
    at(delay, AgentActs{agent, ++agents[agent].turn});
  }

  /// A message on the network: late, lost or twice while faults are on.
  void send(Command command);
  void start_engine();
  /// Memory is gone, what was durable stays; a commit under way may or may not have made it.
  void crash();
  void hand_over();
  void on(const CommitEnds& event);
  void on(Arrives& event);
  void reply(CallId call, const Reply& answer);
  void on_results(CallId call, const ResultsAnswered& results);
  void fingerprint(std::uint64_t a, std::uint64_t b);
  bool step();
  /// No more faults: everything that was promised must now come to its end.
  void heal();

  // The agents.
  void on_agent_answer(CallId call, const Reply& answer);
  /// The agent has got a task: how it goes about it.
  void work(std::size_t index, const Work& task);
  /// Some attempts hand in a file or two, and name them in the result; some name one that never comes.
  void hand_in_files(std::size_t index, ResultReport& result);
  void on(AgentHandsIn& event);
  void on(const AgentBeats& event);
  void on(AgentReports& event);
  void send_report(const SimulatedAgent& agent, const ResultReport& report_sent);
  /// Joins, polls, dies, comes back.
  void on(const AgentActs& event);

  // The client.
  void on(const ClientActs&);
  void keep_house();
  void change_budgets();
  TaskId any_task();
  void submit();
  Submission make_task(const SubmitTasks& request);
  void retry_request(CallId call);

  SimulationOptions options;
  SimulationReport report;
  SeededRandom random;
  SeededRandom engine_random;
  SeededRandom file_random;  // of its own, so that the rest of a seed's run stays what it was
  FakeTaskStore store;
  SimulatedZones zones;
  Promises promises;
  std::unique_ptr<TaskEngine> engine;
  std::unique_ptr<CommitPipeline> pipeline;
  std::shared_ptr<Batch> committing;
  std::map<std::pair<BootTime, std::uint64_t>, Event> events;
  std::vector<SimulatedAgent> agents;
  std::map<CallId, SubmittedRequest> requests;
  std::map<CallId, ResultReport> reports;
  BootTime boot{std::chrono::hours(1)};
  WallTime wall{std::chrono::seconds(1'767'225'600)};
  std::uint64_t sequence = 0;
  std::uint64_t last_call = 0;
  std::uint64_t last_file = 0;
  std::map<CallId, AttachArtifact> files_sent;
  std::uint64_t life = 0;
  std::uint64_t steps = 0;
  bool faults = true;
  bool halted = false;
};

}  // namespace swarm::orchestrator::testing
