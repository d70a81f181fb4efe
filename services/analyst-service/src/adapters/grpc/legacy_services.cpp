#include "adapters/grpc/legacy_services.hpp"

#include <boost/json.hpp>

#include <map>

#include "adapters/json/note.hpp"
#include "domain/prompt_optimizer.hpp"
#include "domain/rule_check.hpp"
#include "domain/rule_template.hpp"
#include "libs/rpc/status.hpp"

namespace swarm::analyst::adapters {

namespace {

struct Cluster {
  std::string role, note, stack, cause;
  std::vector<std::string> exec_ids;
  std::size_t count = 0;
};

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
        const auto message = message_of_note(failure);
        const auto found = analyzer.analyse({{}, {}, message});
        if (seen.emplace(found.kind, true).second) out->add_clusters(domain::printable(found.cause, domain::Masker::kTextMax));
      }
    });
  });
}

grpc::ServerUnaryReactor* AnalystServiceV2::ClusterFailures(grpc::CallbackServerContext* context, const ::orchestrator::ClusterRequest* in,
                                                            ::orchestrator::ClusterResponse* out) {
  return answer(gate_, context, "/orchestrator.AnalystService/ClusterFailures", [&] {
    std::vector<std::pair<domain::Id, Cluster>> clusters;
    std::map<domain::Id, std::size_t> index;
    analyzers_.with([&](domain::Analyzer& analyzer) {
      for (const auto& failure : in->failures()) {
        auto message = message_of_note(failure.note());
        const auto found = analyzer.analyse({failure.role(), failure.stack(), message});
        const auto [at, fresh] = index.emplace(found.kind, clusters.size());
        if (fresh) clusters.push_back({found.kind, {failure.role(), message, failure.stack(), domain::printable(found.cause, domain::Masker::kTextMax), {}, 0}});
        auto& cluster = clusters[at->second].second;
        ++cluster.count;
        cluster.exec_ids.push_back(failure.exec_id());
      }
    });
    boost::json::object object;
    for (auto& [kind, cluster] : clusters) {
      boost::json::array ids(cluster.exec_ids.begin(), cluster.exec_ids.end());
      object[text(kind)] = {{"role", cluster.role}, {"note", cluster.note}, {"stack", cluster.stack},
                            {"cause", cluster.cause}, {"count", cluster.count}, {"exec_ids", std::move(ids)}};
    }
    out->set_json_clusters(boost::json::serialize(object));
  });
}

grpc::ServerUnaryReactor* AnalystServiceV2::GenerateGoldenRules(grpc::CallbackServerContext* context, const ::orchestrator::RuleRequest* in,
                                                                ::orchestrator::RuleResponse* out) {
  return answer(gate_, context, "/orchestrator.AnalystService/GenerateGoldenRules", [&] {
    const auto message = message_of_note(in->note());
    analyzers_.with([&](domain::Analyzer& analyzer) {
      const auto found = analyzer.analyse({in->role(), in->stack(), message});
      domain::KindText kind{found.kind, in->role(), in->stack(), found.family, domain::printable(found.cause, domain::Masker::kTextMax), {}, {}};
      auto rule = domain::rule_from_template(kind);
      if (!domain::fault_of_rule(rule, kind.cause).empty()) {
        // A note that tries to steer, or holds a secret, is not repeated.
        kind.cause = std::string(name(found.family)) + " failure";
        rule = domain::rule_from_template(kind);
      }
      out->set_rule(rule);
    });
  });
}

}  // namespace swarm::analyst::adapters
