#include "adapters/grpc/task_tokens.hpp"

#include <algorithm>

#include "libs/auth/task_token.hpp"

namespace swarm::orchestrator::grpc_api {
namespace {

Error denied(const std::string& why) { return {Code::PermissionDenied, "parent_token: " + why}; }

bool holds(const std::vector<std::string>& names, const std::string& name) { return std::find(names.begin(), names.end(), name) != names.end(); }

}  // namespace

std::string TaskTokens::sign(const TaskSpec& task) const {
  if (options_.key.empty()) return "";
  return auth::sign_task_token(options_.key, {text(task.id), task.tenant, clock_.wall_now() + options_.lifetime});
}

Result<void> TaskTokens::check_child(const TaskSpec& child, const std::string& token) const {
  if (token.empty()) {
    if (child.parent.empty() || !options_.parents_need_one) return outcome::success();
    return denied("is missing; it came with the parent's assignment (guardrails.parents_need_token)");
  }
  if (child.parent.empty()) return Error{Code::InvalidArgument, "parent_token: needs parent_id"};
  const auto known = auth::verify_task_token(options_.key, text(child.parent), token, clock_.wall_now());
  if (!known) return denied(known.error().message);
  if (!known.value().may(auth::kSubmit)) return denied("it does not allow to submit tasks");
  BOOST_OUTCOME_TRY(const auto parent, store_.find(child.parent));
  if (!parent) return Error{Code::NotFound, "parent_id: no task id=" + text(child.parent)};
  if (parent->spec->tenant != child.tenant) return denied("the task is of another tenant than its parent");
  const auto& left = known.value().permissions;
  for (const auto& permission : child.permissions) {
    const bool allowed = holds(parent->spec->permissions, permission) && (!left || holds(*left, permission));
    if (!allowed) return denied("it does not allow '" + permission + "'");
  }
  return outcome::success();
}

}  // namespace swarm::orchestrator::grpc_api
