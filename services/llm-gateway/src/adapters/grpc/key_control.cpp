// BudgetControl's half that deals with keys and reports.
#include <algorithm>
#include <charconv>

#include "adapters/grpc/answer.hpp"
#include "adapters/grpc/budget_control.hpp"
#include "adapters/grpc/mapping.hpp"

namespace swarm::gateway {
namespace {

constexpr std::size_t kKeysMax = 1'000;
constexpr std::size_t kRowsMax = 100'000;
constexpr std::size_t kTrialRowsMax = 1'000'000;

std::size_t bounded(std::int32_t wanted, std::size_t most) {
  return wanted <= 0 ? most : std::min(static_cast<std::size_t>(wanted), most);
}

}  // namespace

grpc::ServerUnaryReactor* BudgetControlService::CreateKey(grpc::CallbackServerContext* context, const ::llm_gateway::NewKey* request,
                                                          ::llm_gateway::KeySecret* response) {
  if (const auto in = gate_.admit(*context, "/llm_gateway.BudgetControl/CreateKey"); !in) return answer(context, in.error());
  const auto made = keys_.create(wish_of(*request));
  if (!made) return answer(context, made.error());
  fill(*response->mutable_key(), made.value().key, clock_.wall_now());
  response->set_secret(made.value().secret.reveal());
  return answer(context, outcome::success());
}

grpc::ServerUnaryReactor* BudgetControlService::RotateKey(grpc::CallbackServerContext* context, const ::llm_gateway::KeyRotation* request,
                                                          ::llm_gateway::KeySecret* response) {
  if (const auto in = gate_.admit(*context, "/llm_gateway.BudgetControl/RotateKey"); !in) return answer(context, in.error());
  const auto made = keys_.rotate(request->name(), std::chrono::seconds(request->grace_seconds()));
  if (!made) return answer(context, made.error());
  fill(*response->mutable_key(), made.value().key, clock_.wall_now());
  response->set_secret(made.value().secret.reveal());
  return answer(context, outcome::success());
}

grpc::ServerUnaryReactor* BudgetControlService::EndKey(grpc::CallbackServerContext* context, const ::llm_gateway::KeyEnd* request,
                                                       ::llm_gateway::KeyInfo* response) {
  if (const auto in = gate_.admit(*context, "/llm_gateway.BudgetControl/EndKey"); !in) return answer(context, in.error());
  const auto ended = keys_.end(request->name(), time_of(request->at_unix_ms()).value_or(WallTime{}));
  if (!ended) return answer(context, ended.error());
  fill(*response, ended.value(), clock_.wall_now());
  return answer(context, outcome::success());
}

grpc::ServerUnaryReactor* BudgetControlService::ListKeys(grpc::CallbackServerContext* context, const ::llm_gateway::KeyQuery* request,
                                                         ::llm_gateway::KeyList* response) {
  if (const auto in = gate_.admit(*context, "/llm_gateway.BudgetControl/ListKeys"); !in) return answer(context, in.error());
  const std::size_t wanted = bounded(request->page_size(), kKeysMax);
  const auto found = keys_.list(request->page_token(), wanted);
  for (const StoredKey& key : found) fill(*response->add_keys(), key, clock_.wall_now());
  if (found.size() == wanted) response->set_next_page_token(found.back().name);
  return answer(context, outcome::success());
}

grpc::ServerUnaryReactor* BudgetControlService::QuerySpend(grpc::CallbackServerContext* context, const ::llm_gateway::SpendQuery* request,
                                                           ::llm_gateway::SpendPage* response) {
  if (const auto in = gate_.admit(*context, "/llm_gateway.BudgetControl/QuerySpend"); !in) return answer(context, in.error());
  auto query = spend_query_of(*request);
  if (!query) return answer(context, query.error());
  query.value().rows_max = bounded(request->rows_max(), kRowsMax);
  const auto page = reports_.page(query.value());
  if (!page) return answer(context, page.error());
  for (const SpendGroup& group : page.value().groups) fill(*response->add_groups(), group);
  if (page.value().next) response->set_next_page_token(std::to_string(*page.value().next));
  response->set_rows(page.value().rows);
  return answer(context, outcome::success());
}

grpc::ServerUnaryReactor* BudgetControlService::TryLimit(grpc::CallbackServerContext* context, const ::llm_gateway::TrialLimit* request,
                                                         ::llm_gateway::TrialResult* response) {
  if (const auto in = gate_.admit(*context, "/llm_gateway.BudgetControl/TryLimit"); !in) return answer(context, in.error());
  const auto limit = limit_of(request->limit());
  if (!limit) return answer(context, limit.error());
  const std::string scope = scope_or_global(request->limit().scope());
  if (!scope_level(scope)) return answer(context, Error{Code::InvalidArgument, "not a scope's name: \"" + scope + "\""});
  const auto run = reports_.dry_run(scope, limit.value(), time_of(request->from_unix_ms()), kTrialRowsMax);
  if (!run) return answer(context, run.error());
  fill(*response, run.value());
  return answer(context, outcome::success());
}

grpc::ServerUnaryReactor* BudgetControlService::ExplainRequest(grpc::CallbackServerContext* context, const ::llm_gateway::ExplainQuery* request,
                                                               ::llm_gateway::Explanation* response) {
  if (const auto in = gate_.admit(*context, "/llm_gateway.BudgetControl/ExplainRequest"); !in) return answer(context, in.error());
  const auto found = explanations_.find(request->request_id());
  if (!found) {
    return answer(context, Error{Code::NotFound, "nothing is known of request \"" + request->request_id().substr(0, 64) +
                                                     "\": only the last ones since the start are, by the x-request-id of their answer"});
  }
  fill(*response, *found);
  return answer(context, outcome::success());
}

}  // namespace swarm::gateway
