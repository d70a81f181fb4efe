#include "domain/flow_rounds.hpp"

#include <algorithm>

namespace swarm::orchestrator {
namespace {

/// Without the port, which is new with each connection.
std::string_view host_of(std::string_view caller) { return caller.substr(0, caller.rfind(':')); }

}  // namespace

std::list<FlowRounds::Flow>::iterator FlowRounds::flow_at(const std::string& state, std::string_view caller) {
  auto of_host = flows_.end();
  bool known = false;
  for (auto flow = flows_.begin(); flow != flows_.end(); ++flow) {
    const bool own = flow->caller == caller;
    if (own && flow->state == state) return flow;
    known = known || own;
    if (of_host == flows_.end() && flow->state == state && host_of(flow->caller) == host_of(caller)) of_host = flow;
  }
  if (!known && of_host != flows_.end()) return of_host;
  return flows_.insert(flows_.end(), {std::string(caller), state, {}, {}});
}

bool FlowRounds::may_go_back(Flow& flow, const WorkflowState& state) {
  auto edge = std::find_if(flow.rounds.begin(), flow.rounds.end(),
                           [&](const EdgeRounds& e) { return e.from == state.name && e.to == state.on_failure; });
  if (edge == flow.rounds.end()) edge = flow.rounds.insert(edge, {state.name, state.on_failure, 0});
  return edge->taken++ < state.rounds_max;
}

std::string FlowRounds::step(const WorkflowState& state, bool success, std::string_view caller, BootTime now) {
  forget(now);
  const auto flow = flow_at(state.name, caller);
  const std::string& next = success ? state.on_success : state.on_failure;
  // "Try again here" has no edge that could be counted, so it ends the flow.
  const bool ends = next.empty() || next == state.name || (!success && !may_go_back(*flow, state));
  if (ends) {
    flows_.erase(flow);
    return {};
  }
  flow->caller = caller;
  flow->state = next;
  flow->touched = now;
  flows_.splice(flows_.end(), flows_, flow);
  if (flows_.size() > kFlowsMax) flows_.pop_front();
  return next;
}

void FlowRounds::forget(BootTime now) {
  while (!flows_.empty() && now - flows_.front().touched > kForgetAfter) flows_.pop_front();
}

}  // namespace swarm::orchestrator
