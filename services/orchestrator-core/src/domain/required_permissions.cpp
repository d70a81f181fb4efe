#include "domain/required_permissions.hpp"

#include "domain/requirements.hpp"

namespace swarm::orchestrator {
namespace {

constexpr std::string_view kSuffix = "Task";
constexpr std::string_view kEvery = "*";

void append(std::vector<std::string>& out, const std::vector<std::string>& more) {
  out.insert(out.end(), more.begin(), more.end());
}

}  // namespace

RequiredPermissions::RequiredPermissions(const BySubject& all) {
  for (const auto& [subject, permissions] : all) {
    if (const auto id = parse_task_id(subject)) {
      append(of_tasks_[*id], permissions);
    } else {
      const bool type = subject.size() > kSuffix.size() && subject.ends_with(kSuffix);
      append(of_states_[type ? subject.substr(0, subject.size() - kSuffix.size()) : subject], permissions);
    }
  }
  for (auto& [id, permissions] : of_tasks_) permissions = normalised(std::move(permissions));
  for (auto& [name, permissions] : of_states_) permissions = normalised(std::move(permissions));
}

std::vector<std::string> RequiredPermissions::with(std::vector<std::string> own, TaskId task, std::string_view state) const {
  if (empty()) return own;
  const std::size_t before = own.size();
  if (const auto it = of_tasks_.find(task); it != of_tasks_.end()) append(own, it->second);
  if (const auto it = of_states_.find(state); it != of_states_.end()) append(own, it->second);
  if (const auto it = of_states_.find(kEvery); it != of_states_.end()) append(own, it->second);
  return own.size() == before ? own : normalised(std::move(own));
}

RequiredPermissions::BySubject RequiredPermissions::all() const {
  BySubject out(of_states_.begin(), of_states_.end());
  for (const auto& [id, permissions] : of_tasks_) out.emplace(text(id), permissions);
  return out;
}

}  // namespace swarm::orchestrator
