#include "libs/rpc/gate.hpp"

#include "libs/rpc/audit_trail.hpp"

namespace swarm::rpc {

Result<auth::Principal> Gate::admit(const grpc::ServerContextBase& context, std::string_view method) {
  if (closed()) return Error{Code::Unavailable, "this server is shutting down; try again on another connection"};
  auto who = guard_->admit(method, context);
  if (trail_ == nullptr) return who;
  if (!who) {
    trail_->denied(context, method, who.error());
    return who;
  }
  if (!guard_->table().find(method)->second.is_audited()) return who;
  BOOST_OUTCOME_TRYV(trail_->acting(context, method, who.value()));
  return who;
}

}  // namespace swarm::rpc
