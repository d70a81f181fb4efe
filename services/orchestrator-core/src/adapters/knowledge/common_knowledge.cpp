#include "adapters/knowledge/common_knowledge.hpp"

#include <algorithm>
#include <map>

#include "domain/text_cut.hpp"
#include "libs/knowledge/records.hpp"
#include "libs/knowledge/vocabulary.hpp"
#include "libs/telemetry/logging.hpp"

namespace swarm::orchestrator::knowledge_store {
namespace {

constexpr std::size_t kStacksMax = 256;
constexpr std::size_t kPermissionsMax = 256;
constexpr std::size_t kPermissionFactsMax = 20'000;
constexpr std::size_t kRulesPerStackMax = 256;
constexpr std::size_t kRuleBytesMax = 16u << 10;
constexpr std::size_t kLessonsMax = 3;
constexpr std::size_t kLessonBytesMax = 240;

/// What no agent is ever permitted: its text is what WhyNotScheduled shows.
RequiredPermissions not_heard_yet() {
  RequiredPermissions::BySubject of_all;
  of_all["*"] = {"(unknown: the common knowledge has not said yet what tasks require)"};
  return RequiredPermissions(of_all);
}

/// One line that can't pass for anything but a quotation.
std::string quoted_lesson(const std::string& note) {
  auto line = middle_cut(first_line(knowledge::message_of_note(note)), kLessonBytesMax);
  std::replace_if(line.begin(), line.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');
  return line;
}

void note_whether_all(std::size_t facts) {
  if (facts < kPermissionFactsMax) return;
  log::warn("the common knowledge holds more permissions than are looked at", {{"looked_at", facts}});
}

GoldenRule imported(const std::string& stack, const std::string& text) {
  GoldenRule rule;
  // Version 0: the analyst's own numbers go on undisturbed.
  rule.id = "common:" + std::to_string(stable_hash(text, stable_hash(stack)));
  rule.stack = stack;
  rule.text = text;
  return rule;
}

}  // namespace

CommonKnowledge::CommonKnowledge(knowledge::synapse::SynapseKnowledge& store, EngineLoop& loop, LessonBook& lessons, GrantBook& grants,
                                 Intervals intervals)
    : store_(store), loop_(loop), lessons_(lessons), grants_(grants), intervals_(intervals) {}

CommonKnowledge::~CommonKnowledge() { stop(); }

void CommonKnowledge::start() {
  // Before the first poll: a task whose requirements are not known must not go to somebody who lacks them.
  if (grants_.from_knowledge()) loop_.submit(PutRequired{not_heard_yet()});
  thread_ = std::thread([this] { run(); });
}

void CommonKnowledge::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void CommonKnowledge::stack_in_use(const std::string& stack) {
  if (stack.empty()) return;
  const bool fresh = stacks_.with([&](auto& all) { return all.size() < kStacksMax && all.insert(stack).second; });
  if (!fresh) return;
  {
    std::lock_guard lock(mutex_);
    new_stack_ = true;
  }
  wake_.notify_all();
}

void CommonKnowledge::run() {
  std::unique_lock lock(mutex_);
  auto next = std::chrono::steady_clock::now();
  while (!stopping_) {
    const bool everything = std::exchange(new_stack_, false) || std::chrono::steady_clock::now() >= next;
    lock.unlock();
    // A halt must not wait for anything else: it is asked for first, and often.
    if (follow_control() && everything) {
      next = std::chrono::steady_clock::now() + intervals_.all;
      if (follow_permissions()) follow_requirements();
      for (const auto& stack : stacks_.with([](const auto& all) { return all; })) {
        if (!follow_stack(stack)) break;
      }
    }
    lock.lock();
    wake_.wait_for(lock, intervals_.control, [this] { return stopping_ || new_stack_; });
  }
}

bool CommonKnowledge::follow_control() {
  const auto found = store_.control_state();
  if (!found) return false;
  const bool first = !std::exchange(control_known_, true);
  if (!found.value() || found.value()->since == control_since_) return true;
  const auto& state = *found.value();
  control_since_ = state.since;
  // At a start an old halt is obeyed again, but an old resume does not undo what an operator did here meanwhile.
  if (state.halted == loop_.halted() || (first && !state.halted)) return true;
  log::warn(state.halted ? "halted by the swarm's kill switch" : "resumed by the swarm's kill switch", {{"since", state.since}});
  loop_.halt(state.halted);
  SetDispatch command;
  command.state = {state.halted, "the swarm's kill switch", std::string(kByCommonKnowledge), {}};
  if (!loop_.submit(std::move(command))) control_since_.clear();  // no room: at the next look
  return true;
}

/// One question for all agents: the store serves one call at a time.
bool CommonKnowledge::follow_permissions() {
  if (!grants_.from_knowledge()) return true;
  const auto held = store_.all(knowledge::kHasPermission, kPermissionFactsMax);
  if (!held) return false;
  note_whether_all(held.value().size());
  std::map<std::string, std::vector<std::string>> of_subject;
  for (const auto& fact : held.value()) of_subject[fact.subject].push_back(knowledge::name_of_iri(fact.object));
  for (const auto& subject : grants_.subjects()) {
    std::vector<std::string> permissions;
    for (const auto& iri : {knowledge::agent_iri(subject), knowledge::role_iri(subject)}) {
      const auto& known = of_subject[iri];
      permissions.insert(permissions.end(), known.begin(), known.end());
    }
    if (permissions.size() > kPermissionsMax) permissions.resize(kPermissionsMax);
    for (auto& agent : grants_.put(subject, std::move(permissions))) {
      loop_.submit(PutPermissions{agent.name, std::move(agent.permissions)});
    }
  }
  return true;
}

/// A task is named by its id, or by its type with those of its kind, whatever stands before it in the IRI.
bool CommonKnowledge::follow_requirements() {
  if (!grants_.from_knowledge()) return true;
  const auto facts = store_.all(knowledge::kRequiresPermission, kPermissionFactsMax);
  if (!facts) return false;
  note_whether_all(facts.value().size());
  RequiredPermissions::BySubject required;
  for (const auto& fact : facts.value()) required[knowledge::name_of_iri(fact.subject)].push_back(knowledge::name_of_iri(fact.object));
  required.erase("*");  // no name of a task or state
  RequiredPermissions found(required);
  if (found == required_) return true;
  if (!required_) log::info("the common knowledge says what tasks require", {{"subjects", required.size()}});
  if (loop_.submit(PutRequired{found})) required_ = std::move(found);
  return true;
}

bool CommonKnowledge::follow_stack(const std::string& stack) {
  const auto rules = store_.rules_of_stack(stack);
  if (!rules) return false;
  PutRules fresh;
  for (const auto& rule : rules.value()) {
    if (rule.empty() || rule.size() > kRuleBytesMax || fresh.rules.size() == kRulesPerStackMax) continue;
    if (!imported_.contains({stack, rule})) fresh.rules.push_back(imported(stack, rule));
  }
  if (!fresh.rules.empty() && loop_.submit(Command(fresh))) {
    for (const auto& rule : fresh.rules) imported_.emplace(stack, rule.text);
  }
  const auto notes = store_.lessons_of_stack(stack, kLessonsMax);
  if (!notes) return false;
  std::vector<std::string> lessons;
  for (const auto& note : notes.value()) lessons.push_back(quoted_lesson(note));
  lessons_.put(stack, std::move(lessons));
  return true;
}

}  // namespace swarm::orchestrator::knowledge_store
