#include "adapters/grpc/legacy_services.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <map>
#include <thread>
#include <unordered_map>

#include "application/batch_grouping.hpp"
#include "domain/prompt_optimizer.hpp"
#include "domain/rule_check.hpp"
#include "domain/rule_template.hpp"
#include "libs/knowledge/records.hpp"
#include "libs/rpc/status.hpp"

namespace swarm::analyst::adapters {

namespace {

// A second thread pays from a few thousand rows on.
constexpr std::size_t kRowsPerThread = 4'000;
constexpr std::size_t kExcerptBytes = 2'000;

int threads_for(std::size_t rows) {
  const auto machine = std::max(1u, std::thread::hardware_concurrency());
  return static_cast<int>(std::min<std::size_t>(machine, 1 + rows / kRowsPerThread));
}

template <class Answer>
grpc::ServerUnaryReactor* answer(rpc::Gate& gate, grpc::CallbackServerContext* context, std::string_view method, Answer fill) {
  auto* reactor = context->DefaultReactor();
  if (const auto admitted = gate.admit(*context, method); !admitted) {
    reactor->Finish(rpc::to_status(admitted.error()));
  } else {
    fill();
    reactor->Finish(grpc::Status::OK);
  }
  return reactor;
}

}  // namespace

grpc::ServerUnaryReactor* AnalystServiceV1::OptimizePrompt(grpc::CallbackServerContext* context, const ::orchestrator::v1::PromptRequest* in,
                                                           ::orchestrator::v1::PromptResponse* out) {
  return answer(gate_, context, "/orchestrator.v1.AnalystService/OptimizePrompt",
                [&] { out->set_optimized_prompt(domain::optimize_prompt(in->prompt())); });
}

grpc::ServerUnaryReactor* AnalystServiceV1::ClusterFailures(grpc::CallbackServerContext* context, const ::orchestrator::v1::FailuresRequest* in,
                                                            ::orchestrator::v1::ClustersResponse* out) {
  return answer(gate_, context, "/orchestrator.v1.AnalystService/ClusterFailures", [&] {
    std::map<domain::Id, bool> seen;
    analyzers_.with([&](domain::Analyzer& analyzer) {
      for (const auto& failure : in->failures()) {
        const auto message = knowledge::message_of_note(failure);
        const auto found = analyzer.analyse({{}, {}, message});
        if (seen.emplace(found.kind, true).second) out->add_clusters(domain::printable(found.cause, domain::Masker::kTextMax));
      }
    });
  });
}

grpc::ServerUnaryReactor* AnalystServiceV2::ClusterFailures(grpc::CallbackServerContext* context, const ::orchestrator::ClusterRequest* in,
                                                            ::orchestrator::ClusterResponse* out) {
  return answer(gate_, context, "/orchestrator.AnalystService/ClusterFailures", [&] {
    std::vector<std::string> notes;
    std::vector<domain::FailureText> rows;
    notes.reserve(static_cast<std::size_t>(in->failures_size()));  // the rows point into them
    for (const auto& failure : in->failures()) {
      notes.push_back(knowledge::message_of_note(failure.note()));
      rows.push_back({failure.role(), failure.stack(), notes.back()});
    }
    std::vector<application::RowKeys> keys(rows.size());
    const auto groups = application::group_batch(rows, keys, threads_for(rows.size()), analyzers_.rules());
    std::unordered_map<domain::Id, boost::json::array, domain::IdHash> ids;
    for (std::size_t i = 0; i < keys.size(); ++i) ids[keys[i].kind].emplace_back(in->failures(static_cast<int>(i)).exec_id());
    boost::json::object object;
    analyzers_.with([&](domain::Analyzer& analyzer) {
      for (const auto& group : groups) {
        const auto& first = in->failures(static_cast<int>(group.first_row));
        const auto cause = domain::printable(analyzer.analyse(rows[group.first_row]).cause, domain::Masker::kTextMax);
        object[text(group.kind)] = {{"role", first.role()}, {"note", notes[group.first_row]}, {"stack", first.stack()},
                                    {"cause", cause}, {"count", group.rows}, {"exec_ids", std::move(ids[group.kind])}};
      }
    });
    out->set_json_clusters(boost::json::serialize(object));
  });
}

grpc::ServerUnaryReactor* AnalystServiceV2::GenerateGoldenRules(grpc::CallbackServerContext* context, const ::orchestrator::RuleRequest* in,
                                                                ::orchestrator::RuleResponse* out) {
  return answer(gate_, context, "/orchestrator.AnalystService/GenerateGoldenRules", [&] { out->set_rule(rule_for(*in)); });
}

std::string AnalystServiceV2::rule_for(const ::orchestrator::RuleRequest& request) {
  const auto message = knowledge::message_of_note(request.note());
  auto kind = analyzers_.with([&](domain::Analyzer& analyzer) {
    const auto found = analyzer.analyse({request.role(), request.stack(), message});
    return domain::KindText{found.kind, request.role(), request.stack(), found.family, domain::printable(found.cause, domain::Masker::kTextMax),
                            domain::printable(found.sample, domain::Masker::kTextMax), domain::printable(message, kExcerptBytes)};
  });
  const auto known = board_.find(domain::rule_id(kind.kind));
  if (known && known->state == domain::RuleState::Active) return known->text;
  auto rule = domain::rule_from_template(kind);
  if (!domain::fault_of_rule(rule, kind.cause).empty()) {
    // A note that tries to steer, or holds a secret, is not repeated, and no model is told of it.
    kind.cause = std::string(name(kind.family)) + " failure";
    return domain::rule_from_template(kind);
  }
  if (desk_ == nullptr) return rule;
  return desk_->draft(kind, std::max(1, request.count())).value_or(std::move(rule));
}

}  // namespace swarm::analyst::adapters
