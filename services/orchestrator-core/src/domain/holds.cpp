#include "domain/holds.hpp"

namespace swarm::orchestrator {

std::string_view name(HoldKind kind) {
  switch (kind) {
    case HoldKind::Agent: return "agent";
    case HoldKind::Role: return "role";
    case HoldKind::Stack: return "stack";
    case HoldKind::Tenant: return "tenant";
  }
  return "";
}

void HoldBook::put(Hold hold) {
  const Key key{hold.kind, hold.name};
  holds_.insert_or_assign(key, std::move(hold));
}

const Hold* HoldBook::find(HoldKind kind, const std::string& name) const {
  const auto it = holds_.find({kind, name});
  return it == holds_.end() ? nullptr : &it->second;
}

const Hold* HoldBook::on(const Requirements& task) const {
  if (holds_.empty()) return nullptr;
  const std::pair<HoldKind, const std::string*> looks[] = {
      {HoldKind::Role, &task.role}, {HoldKind::Stack, &task.stack}, {HoldKind::Tenant, &task.tenant}};
  for (const auto& [kind, value] : looks) {
    if (const Hold* hold = find(kind, *value)) return hold;
  }
  return nullptr;
}

}  // namespace swarm::orchestrator
