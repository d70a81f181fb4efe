#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <thread>

#include "application/engine_loop.hpp"
#include "application/grant_book.hpp"
#include "application/lesson_book.hpp"
#include "libs/async/guarded.hpp"
#include "libs/knowledge/link/store_link.hpp"

namespace swarm::orchestrator::knowledge_store {

/// Who set the dispatch state, where it was the common knowledge.
inline constexpr std::string_view kByCommonKnowledge = "common knowledge";

struct Intervals {
  std::chrono::milliseconds all{5'000};
  std::chrono::milliseconds control{50};
};

/// Follows what the swarm knows in common and an orchestrator needs: the kill switch, and for each stack in use its
/// golden rules and the lessons that have become no rule yet; also what agents are permitted. Looks at `intervals`, and
/// at once when a stack is new;
/// tasks never wait for it, except, where permissions come from it, for what they require: as long as that was not heard
/// since the start, none is given away. What it learnt stays in force while the store is away. One thread.
class CommonKnowledge {
 public:
  CommonKnowledge(knowledge::synapse::SynapseKnowledge& store, EngineLoop& loop, LessonBook& lessons, GrantBook& grants,
                  Intervals intervals);
  ~CommonKnowledge();
  void start();
  void stop();

  /// Thread-safe, quick.
  void stack_in_use(const std::string& stack);

 private:
  void run();
  /// False when the store does not answer.
  bool follow_control();
  bool follow_stack(const std::string& stack);
  bool follow_permissions();
  bool follow_requirements();

  knowledge::synapse::SynapseKnowledge& store_;
  EngineLoop& loop_;
  LessonBook& lessons_;
  GrantBook& grants_;
  const Intervals intervals_;
  async::Guarded<std::set<std::string>> stacks_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool new_stack_ = false;
  bool stopping_ = false;
  std::string control_since_;                              // of the event that was obeyed last
  bool control_known_ = false;
  std::optional<RequiredPermissions> required_;            // that the engine has; none: not heard yet
  std::set<std::pair<std::string, std::string>> imported_;  // (stack, rule) that the engine has
  std::thread thread_;
};

}  // namespace swarm::orchestrator::knowledge_store
