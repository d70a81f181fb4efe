#include "commands/task_text.hpp"

#include <array>
#include <map>

#include "output/format.hpp"

namespace swarm::ctl {
namespace {

struct StatusFacts {
  orchestrator::TaskStatus status;
  const char* name;
  Style style;
  bool final;
};
constexpr std::array<StatusFacts, 8> kStatuses = {{
    {orchestrator::BLOCKED, "blocked", Style::Waiting, false},
    {orchestrator::QUEUED, "queued", Style::Plain, false},
    {orchestrator::LEASED, "leased", Style::Busy, false},
    {orchestrator::RUNNING, "running", Style::Busy, false},
    {orchestrator::SUCCEEDED, "succeeded", Style::Good, true},
    {orchestrator::FAILED, "failed", Style::Bad, false},
    {orchestrator::CANCELLED, "cancelled", Style::Faint, true},
    {orchestrator::DEAD, "dead", Style::Bad, true},
}};

const StatusFacts* find(orchestrator::TaskStatus status) {
  for (const StatusFacts& facts : kStatuses) {
    if (facts.status == status) return &facts;
  }
  return nullptr;
}

std::string join_labels(const google::protobuf::Map<std::string, std::string>& labels) {
  const std::map<std::string, std::string> sorted(labels.begin(), labels.end());
  std::vector<std::string> texts;
  for (const auto& [key, value] : sorted) texts.push_back(key + "=" + value);
  return join(texts);
}

std::string attempts(const orchestrator::Task& task) {
  if (task.attempt() == 0) return "";
  return std::to_string(task.attempt()) + (task.max_attempts() > 0 ? " of " + std::to_string(task.max_attempts()) : "");
}

std::string timeouts(const orchestrator::Task& task) {
  std::vector<std::string> out;
  const std::pair<const char*, std::int64_t> all[] = {{"schedule to start ", task.schedule_to_start_ms()},
                                                      {"start to close ", task.start_to_close_ms()},
                                                      {"heartbeat ", task.heartbeat_ms()}};
  for (const auto& [what, time] : all) {
    if (time > 0) out.push_back(what + duration(std::chrono::milliseconds(time)));
  }
  return join(out);
}

std::string workflow(const orchestrator::Task& task) {
  return task.workflow_state() + (task.until_state().empty() ? "" : ", until " + task.until_state());
}

void print_feedback(std::ostream& out, const Terminal& terminal, const orchestrator::Task& task) {
  if (task.feedback().empty()) return;
  Table table({{"ATTEMPT", true}, {"ROLE"}, {"STATUS"}, {"FEEDBACK", false, true}});
  for (const auto& f : task.feedback()) table.add({std::to_string(f.attempt()), f.role(), f.status(), f.text()});
  out << '\n';
  table.print(out, terminal);
}

void print_history(std::ostream& out, const Terminal& terminal, const orchestrator::Task& task) {
  if (task.history().empty()) return;
  Table table({{"AT"}, {"FROM"}, {"TO"}, {"STATE"}, {"ATTEMPT", true}, {"BY"}, {"REASON", false, true}});
  for (const auto& h : task.history()) {
    const StatusFacts* to = find(h.to());
    table.add({utc(h.at_unix_ms()), status_name(h.from()), {status_name(h.to()), to ? to->style : Style::Plain},
               h.workflow_state(), h.attempt() == 0 ? "" : std::to_string(h.attempt()), h.actor(), h.reason()});
  }
  out << '\n';
  table.print(out, terminal);
}

}  // namespace

std::string status_name(orchestrator::TaskStatus status) {
  const StatusFacts* facts = find(status);
  return facts == nullptr ? "" : facts->name;
}

std::vector<std::string> status_names() {
  std::vector<std::string> out;
  for (const StatusFacts& facts : kStatuses) out.emplace_back(facts.name);
  return out;
}

orchestrator::TaskStatus status_of(const std::string& name) {
  for (const StatusFacts& facts : kStatuses) {
    if (facts.name == name) return facts.status;
  }
  return orchestrator::TASK_STATUS_UNSPECIFIED;
}

bool is_final(orchestrator::TaskStatus status) {
  const StatusFacts* facts = find(status);
  return facts != nullptr && facts->final;
}

Cell status_cell(const orchestrator::Task& task) {
  const StatusFacts* facts = find(task.status());
  if (facts == nullptr) return "unknown";
  const bool why = task.status() == orchestrator::BLOCKED && !task.blocked_reason().empty();
  return {facts->name + (why ? " (" + task.blocked_reason() + ")" : ""), facts->style};
}

void print_task(std::ostream& out, const Terminal& terminal, const orchestrator::Task& task) {
  const bool leased = task.lease_expires_in_ms() > 0;
  const auto lease = duration(std::chrono::milliseconds(task.lease_expires_in_ms()));
  print_fields(out, terminal,
               {{"id", {task.task_id(), Style::Strong}},
                {"status", status_cell(task)},
                {"reason", task.status_reason()},
                {"description", task.description()},
                {"stack", task.stack()},
                {"workflow", workflow(task)},
                {"role", task.role()},
                {"attempt", attempts(task)},
                {"budget", task.budget_usd() == 0 ? "" : dollars(task.budget_usd())},
                {"time-outs", timeouts(task)},
                {"priority", task.priority() == 0 ? "" : std::to_string(task.priority())},
                {"depends on", join(task.depends_on())},
                {"capabilities", join(task.required_capabilities())},
                {"permissions", join(task.required_permissions())},
                {"holder", task.holder()},
                {"lease ends in", leased ? lease : ""},
                {"progress", task.progress()},
                {"labels", join_labels(task.labels())},
                {"tenant", task.tenant()},
                {"parent", task.parent_id()},
                {"rules given", join(task.given_rule_ids())},
                {"created", utc(task.created_unix_ms())},
                {"updated", utc(task.updated_unix_ms())},
                {"context", task.context()},
                {"artifact", task.artifact()},
                {"error", {task.error_message(), Style::Bad}}});
  print_feedback(out, terminal, task);
  print_history(out, terminal, task);
}

}  // namespace swarm::ctl
