#include "adapters/grpc/analyst_service.hpp"

#include <chrono>

#include "adapters/grpc/mapping.hpp"
#include "domain/machine_check.hpp"
#include "domain/rule_check.hpp"
#include "libs/rpc/status.hpp"
#include "libs/rpc/trace.hpp"
#include "libs/telemetry/logging.hpp"

namespace swarm::analyst::adapters {

namespace {

constexpr std::size_t kOutcomesMax = 10'000;
constexpr std::size_t kGroupsMax = 1000;
constexpr std::size_t kLinesShown = 60;

grpc::ServerUnaryReactor* refuse(grpc::CallbackServerContext* context, const Error& error) {
  auto* reactor = context->DefaultReactor();
  reactor->Finish(rpc::to_status(error));
  return reactor;
}

// A stream that is over as soon as it began.
class RefusedStream final : public grpc::ServerWriteReactor<::analyst::RuleEvent> {
 public:
  explicit RefusedStream(const Error& error) { Finish(rpc::to_status(error)); }
  void OnDone() override { delete this; }
};

class RefusedReports final : public grpc::ServerBidiReactor<::analyst::FailureBatch, ::analyst::BatchAck> {
 public:
  explicit RefusedReports(const Error& error) { Finish(rpc::to_status(error)); }
  void OnDone() override { delete this; }
};

template <class Stream>
void remember(std::vector<std::weak_ptr<Stream>>& list, const std::shared_ptr<Stream>& stream) {
  std::erase_if(list, [](const auto& known) { return known.expired(); });
  list.push_back(stream);
}

}  // namespace

template <class Answer>
grpc::ServerUnaryReactor* AnalystService::at_once(grpc::CallbackServerContext* context, std::string_view method, Answer answer) {
  auto* reactor = context->DefaultReactor();
  Result<void> done = outcome::success();
  if (const auto admitted = parts_.gate.admit(*context, method); !admitted) done = admitted.error();
  else done = answer();
  reactor->Finish(done ? grpc::Status::OK : rpc::to_status(done.error()));
  return reactor;
}

grpc::ServerUnaryReactor* AnalystService::ReportFailure(grpc::CallbackServerContext* context, const ::analyst::FailureEvent* event,
                                                        ::analyst::AnalysisResult* out) {
  if (const auto admitted = parts_.gate.admit(*context, "/analyst.Analyst/ReportFailure"); !admitted) return refuse(context, admitted.error());
  if (const auto good = check(*event); !good) return refuse(context, good.error());
  const auto started = std::chrono::steady_clock::now();
  auto report = parts_.analyzers.with([&](domain::Analyzer& analyzer) {
    return to_report(*event, analyzer.analyse({event->role(), event->stack(), log_of(*event)}));
  });
  out->set_kind_id(text(report.kind.kind));
  out->set_place_id(text(report.place));
  out->set_cause(report.kind.cause);
  out->set_family(std::string(name(report.kind.family)));
  out->set_threshold(static_cast<std::int32_t>(parts_.threshold));
  const auto trace = rpc::trace_of(*context);
  const auto [id, reactor] = reports_.open(out);
  const trace::Scope submitted(trace);
  parts_.ledger.submit(std::move(report), [this, id = id, started, trace, task = event->task_id(), kind = out->kind_id()](const Result<application::FailureAnswer>& answer) {
    parts_.probe.ingest_seconds.observe(std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count());
    if (!answer) {
      reports_.fail(id, answer.error());
      return;
    }
    reports_.finish(id, [&](::analyst::AnalysisResult& result) {
      result.set_rule_generated(!answer.value().rule_text.empty());
      result.set_rule_content(answer.value().rule_text);
      result.set_kind_tasks(static_cast<std::int32_t>(answer.value().group.tasks));
      result.set_repeat(answer.value().repeat);
      result.set_kind_id(text(answer.value().group.kind));
      return grpc::Status::OK;
    });
    const trace::Scope scope(trace);
    const auto tasks = answer.value().group.tasks;
    log::info("failure", {{"task", task}, {"kind", kind}, {"kind_tasks", tasks}, {"repeat", answer.value().repeat}});
    if (answer.value().rule_made) log::info("golden rule made", {{"kind", kind}, {"active", !answer.value().rule_text.empty()}, {"tasks", tasks}});
  });
  return reactor;
}

grpc::ServerUnaryReactor* AnalystService::GetGoldenRules(grpc::CallbackServerContext* context, const ::analyst::RuleQuery* query,
                                                         ::analyst::RuleList* out) {
  return at_once(context, "/analyst.Analyst/GetGoldenRules", [&]() -> Result<void> {
    const auto state = domain::parse_rule_state(query->state().empty() ? "active" : query->state());
    if (!state) return Error{Code::InvalidArgument, "state=" + query->state() + " is none of proposed, active, retired"};
    for (const auto& rule : parts_.board.list(query->stack(), query->role(), *state)) {
      const auto group = parts_.ledger.group(rule.kind);
      auto& row = *out->add_rules();
      fill(rule, &group, row);
      fill(domain::balance(rule.effect, group.events, parts_.ledger.scope_outcomes(rule.stack, rule.role)), *row.mutable_measured());
    }
    return outcome::success();
  });
}

grpc::ServerWriteReactor<::analyst::RuleEvent>* AnalystService::WatchGoldenRules(grpc::CallbackServerContext* context,
                                                                                const ::analyst::WatchRulesRequest* request) {
  if (const auto admitted = parts_.gate.admit(*context, "/analyst.Analyst/WatchGoldenRules"); !admitted) return new RefusedStream(admitted.error());
  auto stream = RuleStream::open(parts_.board, request->from_version());
  std::lock_guard lock(streams_mutex_);
  remember(streams_, stream);
  return stream.get();
}

grpc::ServerBidiReactor<::analyst::FailureBatch, ::analyst::BatchAck>* AnalystService::ReportFailures(grpc::CallbackServerContext* context) {
  if (const auto admitted = parts_.gate.admit(*context, "/analyst.Analyst/ReportFailures"); !admitted) return new RefusedReports(admitted.error());
  auto stream = ReportStream::open(context, parts_.analyzers, parts_.ledger);
  std::lock_guard lock(streams_mutex_);
  remember(report_streams_, stream);
  return stream.get();
}

grpc::ServerUnaryReactor* AnalystService::ReportOutcomes(grpc::CallbackServerContext* context, const ::analyst::OutcomeReport* report,
                                                         ::analyst::Ack* out) {
  if (const auto admitted = parts_.gate.admit(*context, "/analyst.Analyst/ReportOutcomes"); !admitted) return refuse(context, admitted.error());
  std::vector<application::OutcomeReport> outcomes;
  if (static_cast<std::size_t>(report->outcomes_size()) > kOutcomesMax)
    return refuse(context, {Code::InvalidArgument, "more than " + std::to_string(kOutcomesMax) + " outcomes in one call"});
  for (const auto& one : report->outcomes()) {
    if (const auto good = check(one); !good) return refuse(context, good.error());
    outcomes.push_back(to_report(one));
  }
  const auto [id, reactor] = outcomes_.open(out);
  parts_.ledger.submit(std::move(outcomes), [this, id = id](const Result<std::size_t>& counted) {
    if (!counted) {
      outcomes_.fail(id, counted.error());
      return;
    }
    outcomes_.finish(id, [&](::analyst::Ack& ack) {
      ack.set_accepted(true);
      ack.set_message(std::to_string(counted.value()) + " counted");
      return grpc::Status::OK;
    });
  });
  return reactor;
}

grpc::ServerUnaryReactor* AnalystService::ListGroups(grpc::CallbackServerContext* context, const ::analyst::GroupQuery* query, ::analyst::GroupList* out) {
  return at_once(context, "/analyst.Analyst/ListGroups", [&] { return list_groups(*query, *out); });
}

Result<void> AnalystService::list_groups(const ::analyst::GroupQuery& query, ::analyst::GroupList& out) {
  const std::size_t limit = query.limit() <= 0 ? 100 : std::min<std::size_t>(static_cast<std::size_t>(query.limit()), kGroupsMax);
  // With a stack asked for, the largest groups of others must not hide its own.
  const auto overview = parts_.ledger.overview(query.stack().empty() ? limit : SIZE_MAX);
  for (const auto& group : overview.groups) {
    if (static_cast<std::size_t>(out.groups_size()) >= limit) break;
    const auto kind = parts_.store.kind_text(group.kind);
    if (!kind) continue;  // forgotten between the two reads
    if (!query.stack().empty() && kind.value().stack != query.stack()) continue;
    auto& row = *out.add_groups();
    fill(kind.value(), group, row);
    for (const auto& member : parts_.ledger.members(group.kind)) row.add_merged_kind_ids(text(member));
    fill(domain::flags(group, unix_ms(parts_.clock.wall_now())), row);
    if (parts_.ledger.has_rule(group.kind)) row.set_rule_id(domain::rule_id(group.kind));
  }
  out.set_total_events(overview.totals.events);
  out.set_total_groups(static_cast<std::int64_t>(overview.group_count));
  return outcome::success();
}

grpc::ServerUnaryReactor* AnalystService::ChangeRule(grpc::CallbackServerContext* context, const ::analyst::RuleChangeRequest* request,
                                                     ::analyst::GoldenRule* out) {
  const auto admitted = parts_.gate.admit(*context, "/analyst.Analyst/ChangeRule");
  if (!admitted) return refuse(context, admitted.error());
  application::RuleChange change;
  change.rule_id = request->rule_id();
  change.reason = domain::printable(request->reason(), 300);
  change.expected_version = request->expected_version();
  if (!request->state().empty()) {
    change.state = domain::parse_rule_state(request->state());
    if (!change.state) return refuse(context, {Code::InvalidArgument, "state=" + request->state() + " is none of proposed, active, retired"});
  }
  if (!request->text().empty()) {
    const auto fault = domain::fault_of_rule(request->text(), {});
    if (!fault.empty()) return refuse(context, {Code::InvalidArgument, "text refused: " + fault});
    change.text = request->text();
    change.author = "person:" + (admitted.value().subject.empty() ? std::string("unknown") : admitted.value().subject);
  }
  if (request->no_checks()) {
    if (!request->must_not_match().empty() || !request->must_match().empty()) return refuse(context, {Code::InvalidArgument, "no_checks takes the patterns away; it goes with none"});
    change.must_not_match = change.must_match = std::string();
  }
  if (!request->must_not_match().empty()) {
    const auto fault = domain::fault_of_pattern(request->must_not_match());
    if (!fault.empty()) return refuse(context, {Code::InvalidArgument, "must_not_match refused: " + fault});
    change.must_not_match = request->must_not_match();
  }
  if (!request->must_match().empty()) {
    const auto fault = domain::fault_of_pattern(request->must_match());
    if (!fault.empty()) return refuse(context, {Code::InvalidArgument, "must_match refused: " + fault});
    change.must_match = request->must_match();
  }
  const auto [id, reactor] = changes_.open(out);
  parts_.ledger.submit(std::move(change), [this, id = id](const Result<domain::GoldenRule>& changed) {
    if (!changed) {
      changes_.fail(id, changed.error());
      return;
    }
    changes_.finish(id, [&](::analyst::GoldenRule& rule) {
      fill(changed.value(), nullptr, rule);
      return grpc::Status::OK;
    });
  });
  return reactor;
}

grpc::ServerUnaryReactor* AnalystService::ExplainGrouping(grpc::CallbackServerContext* context, const ::analyst::FailureEvent* event,
                                                          ::analyst::GroupingExplanation* out) {
  return at_once(context, "/analyst.Analyst/ExplainGrouping", [&] { return explain(*event, *out); });
}

grpc::ServerUnaryReactor* AnalystService::ChangeGrouping(grpc::CallbackServerContext* context, const ::analyst::GroupingChange* request,
                                                         ::analyst::GroupingRules* out) {
  const auto admitted = parts_.gate.admit(*context, "/analyst.Analyst/ChangeGrouping");
  if (!admitted) return refuse(context, admitted.error());
  auto change = to_change(*request);
  if (!change) return refuse(context, change.error());
  change.value().by = "person:" + (admitted.value().subject.empty() ? std::string("unknown") : admitted.value().subject);
  const auto [id, reactor] = groupings_.open(out);
  parts_.ledger.submit(std::move(change).value(), [this, id = id](const Result<void>& changed) {
    if (!changed) {
      groupings_.fail(id, changed.error());
      return;
    }
    groupings_.finish(id, [&](::analyst::GroupingRules& rules) {
      list_grouping(rules);
      return grpc::Status::OK;
    });
  });
  return reactor;
}

grpc::ServerUnaryReactor* AnalystService::ListGrouping(grpc::CallbackServerContext* context, const ::analyst::GroupingQuery*, ::analyst::GroupingRules* out) {
  return at_once(context, "/analyst.Analyst/ListGrouping", [&]() -> Result<void> {
    list_grouping(*out);
    return outcome::success();
  });
}

void AnalystService::list_grouping(::analyst::GroupingRules& out) {
  fill(parts_.ledger.routes(), out);
  if (parts_.analyzers.rules()) fill(*parts_.analyzers.rules(), out);
}

Result<void> AnalystService::explain(const ::analyst::FailureEvent& event, ::analyst::GroupingExplanation& out) {
  BOOST_OUTCOME_TRY(check(event));
  const auto kind = parts_.analyzers.with([&](domain::Analyzer& analyzer) {
    const auto found = analyzer.analyse({event.role(), event.stack(), log_of(event)});
    out.set_family(std::string(name(found.family)));
    out.set_cause_line(domain::printable(found.sample, 1000));
    out.set_cause(domain::printable(found.cause, domain::Masker::kTextMax));
    out.set_kind_id(text(found.kind));
    out.set_place_id(text(found.place));
    const auto lines = analyzer.lines();
    for (std::size_t i = 0; i < lines.size() && i < kLinesShown; ++i)
      out.add_lines(std::string(name(analyzer.marks()[i])) + ": " + domain::printable(lines[i].substr(0, 300), 200));
    for (const auto& rule : analyzer.applied()) out.add_steps(rule);
    return found.kind;
  });
  const auto way = parts_.ledger.way(kind, shown_sample(out.cause_line()));
  for (const auto& step : way.steps) out.add_steps(step);
  out.set_counted_kind_id(text(way.root));
  const auto group = parts_.ledger.group(way.root);
  if (group.events == 0) return outcome::success();
  BOOST_OUTCOME_TRY(const auto about, parts_.store.kind_text(way.root));
  fill(about, group, *out.mutable_group());
  for (const auto& member : parts_.ledger.members(way.root)) out.mutable_group()->add_merged_kind_ids(text(member));
  if (parts_.ledger.has_rule(way.root)) out.mutable_group()->set_rule_id(domain::rule_id(way.root));
  return outcome::success();
}

void AnalystService::drain() {
  std::vector<std::weak_ptr<RuleStream>> streams;
  std::vector<std::weak_ptr<ReportStream>> reports;
  {
    std::lock_guard lock(streams_mutex_);
    streams.swap(streams_);
    reports.swap(report_streams_);
  }
  for (const auto& known : streams)
    if (const auto stream = known.lock()) stream->end(rpc::to_status({Code::Unavailable, "the service is draining; follow again"}));
  for (const auto& known : reports)
    if (const auto stream = known.lock()) stream->end(rpc::to_status({Code::Unavailable, "the service is draining; send what was not answered again"}));
}

}  // namespace swarm::analyst::adapters
