#pragma once

#include <mutex>
#include <vector>

#include "adapters/grpc/report_stream.hpp"
#include "adapters/grpc/rule_stream.hpp"
#include "application/analyzers.hpp"
#include "application/ledger_loop.hpp"
#include "libs/rpc/gate.hpp"
#include "libs/rpc/pending_calls.hpp"
#include "protos/analyst.grpc.pb.h"

namespace swarm::analyst::adapters {

/// analyst.Analyst over gRPC. Thread-safe.
class AnalystService final : public ::analyst::Analyst::CallbackService {
 public:
  struct Parts {
    rpc::Gate& gate;
    application::Analyzers& analyzers;
    application::LedgerLoop& ledger;
    application::RuleBoard& board;
    ports::FailureStore& store;
    application::Probe& probe;
    std::int64_t threshold;
    const Clock& clock;
  };
  explicit AnalystService(Parts parts) : parts_(parts) {}

  grpc::ServerUnaryReactor* ReportFailure(grpc::CallbackServerContext*, const ::analyst::FailureEvent*, ::analyst::AnalysisResult*) override;
  grpc::ServerBidiReactor<::analyst::FailureBatch, ::analyst::BatchAck>* ReportFailures(grpc::CallbackServerContext*) override;
  grpc::ServerUnaryReactor* GetGoldenRules(grpc::CallbackServerContext*, const ::analyst::RuleQuery*, ::analyst::RuleList*) override;
  grpc::ServerWriteReactor<::analyst::RuleEvent>* WatchGoldenRules(grpc::CallbackServerContext*, const ::analyst::WatchRulesRequest*) override;
  grpc::ServerUnaryReactor* ReportOutcomes(grpc::CallbackServerContext*, const ::analyst::OutcomeReport*, ::analyst::Ack*) override;
  grpc::ServerUnaryReactor* ListGroups(grpc::CallbackServerContext*, const ::analyst::GroupQuery*, ::analyst::GroupList*) override;
  grpc::ServerUnaryReactor* ChangeRule(grpc::CallbackServerContext*, const ::analyst::RuleChangeRequest*, ::analyst::GoldenRule*) override;
  grpc::ServerUnaryReactor* ExplainGrouping(grpc::CallbackServerContext*, const ::analyst::FailureEvent*, ::analyst::GroupingExplanation*) override;

  grpc::ServerUnaryReactor* ChangeGrouping(grpc::CallbackServerContext*, const ::analyst::GroupingChange*, ::analyst::GroupingRules*) override;
  grpc::ServerUnaryReactor* ListGrouping(grpc::CallbackServerContext*, const ::analyst::GroupingQuery*, ::analyst::GroupingRules*) override;

  /// Ends the streams with a retryable status. Unary calls are answered by the ledger.
  void drain();

 private:
  template <class Answer>
  grpc::ServerUnaryReactor* at_once(grpc::CallbackServerContext* context, std::string_view method, Answer answer);
  Result<void> list_groups(const ::analyst::GroupQuery& query, ::analyst::GroupList& out);
  void list_grouping(::analyst::GroupingRules& out);
  Result<void> explain(const ::analyst::FailureEvent& event, ::analyst::GroupingExplanation& out);

  Parts parts_;
  rpc::PendingCalls<::analyst::AnalysisResult> reports_;
  rpc::PendingCalls<::analyst::Ack> outcomes_;
  rpc::PendingCalls<::analyst::GoldenRule> changes_;
  rpc::PendingCalls<::analyst::GroupingRules> groupings_;
  std::mutex streams_mutex_;
  std::vector<std::weak_ptr<RuleStream>> streams_;
  std::vector<std::weak_ptr<ReportStream>> report_streams_;
};

}  // namespace swarm::analyst::adapters
