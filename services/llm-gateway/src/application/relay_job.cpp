#include "application/relay_job.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <array>
#include <random>

#include "application/problems.hpp"
#include "domain/target_order.hpp"
#include "libs/telemetry/logging.hpp"
#include "libs/telemetry/span.hpp"

namespace swarm::gateway {
namespace asio = boost::asio;
namespace {

constexpr std::chrono::seconds kRefillPatience{2};
constexpr std::size_t kTaskIdMax = 128;
constexpr int kStatusClientGone = 499;

Problem problem(ProblemKind kind, std::string message, std::string code = {}) {
  Problem p;
  p.kind = kind;
  p.message = std::move(message);
  p.code = std::move(code);
  return p;
}

std::uint64_t draw() {
  thread_local std::minstd_rand random{std::random_device{}()};
  return random();
}

Ending ending_of(const Problem& problem) { return problem.kind == ProblemKind::Timeout ? Ending::TimedOut : Ending::UpstreamError; }

bool is_task_id(std::string_view text) {
  return text.size() <= kTaskIdMax && std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

/// The call as a piece of its caller's trace.
trace::FinishedSpan span_of(const trace::Context& caller, WallTime end, double seconds) {
  trace::FinishedSpan span;
  span.context = caller.child();
  span.parent = caller.span_id;
  span.kind = trace::SpanKind::Server;
  span.end = end;
  span.begin = end - std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>(seconds));
  return span;
}

}  // namespace

RelayJob::RelayJob(Relay& relay, const Call& call, Answer& answer)
    : relay_(relay), call_(call), answer_(answer), codec_(relay.codec(call.surface)) {
  answer_.watch(this);
}

RelayJob::~RelayJob() {
  answer_.watch(nullptr);
  if (streaming_) relay_.services_.probe.stream_closed();
}

void RelayJob::caller_gone() {
  gone_ = true;
  if (attempt_ != nullptr) attempt_->cancel();
  if (exchange_) exchange_->cancel();
  if (retry_timer_ != nullptr) retry_timer_->cancel();
}

asio::awaitable<void> RelayJob::run(Relay& relay, const Call& call, Answer& answer) {
  RelayJob job(relay, call, answer);
  Step refused = job.authenticate();
  if (!refused) refused = job.scan();
  if (!refused) refused = job.choose();
  if (!refused && call.surface == Surface::CountTokens && job.translating_) {
    co_await job.answer_token_count();
    co_return;
  }
  if (!refused) {
    if (const auto kept = job.look_up()) {
      refused = co_await job.answer_from_cache(kept);
      if (!refused) co_return;
    }
  }
  if (!refused) {
    refused = co_await job.ask_model();
    while (refused && !job.gone_ && job.next_model()) refused = co_await job.ask_model();
  }
  if (job.gone_) {
    job.settle_attempt(Ending::HungUp, kStatusClientGone);
    relay.services_.probe.hung_up();
    job.count(kStatusClientGone);
    co_return;
  }
  if (refused) {
    const int status = http_status(refused->kind);
    if (!job.charge_) job.explain_refusal(*refused);
    job.settle_attempt(ending_of(*refused), status);
    job.note(status, job.seconds());
    co_await relay.refuse(call, answer, std::move(*refused));
    co_return;
  }
  const std::string_view type = job.exchange_->head().find("content-type");
  if (type.starts_with("text/event-stream") && job.status_ < 300) co_await job.relay_stream();
  else co_await job.relay_whole();
  job.count(job.gone_ ? kStatusClientGone : job.status_);
}

RelayJob::Step RelayJob::authenticate() {
  who_ = call_.who != nullptr ? call_.who : relay_.services_.keys.authenticate(call_.credential);
  if (who_ == nullptr) return problem(ProblemKind::Authentication, "unknown or missing API key");
  if (call_.task.empty()) return {};
  if (!is_task_id(call_.task)) return problem(ProblemKind::InvalidRequest, "x-swarm-task-id is not a task's id");
  if (const auto leave = relay_.services_.keys.may_name(*who_, call_.task, call_.task_token); !leave) {
    return problem(ProblemKind::Permission, leave.error().message);
  }
  return {};
}

RelayJob::Step RelayJob::scan() {
  auto scanned = codec_.scan(call_.body, call_.padding);
  if (!scanned) return problem(ProblemKind::InvalidRequest, std::move(scanned.error().message));
  scan_ = std::move(scanned.value());
  return {};
}

RelayJob::Step RelayJob::choose() {
  const bool passed_on = call_.surface == Surface::Other;
  model_ = passed_on ? relay_.services_.catalog.route(call_.path.substr(0, call_.path.find('?'))) : relay_.services_.catalog.find(scan_.model);
  if (passed_on && model_ != nullptr) scan_.model = model_->name;
  if (model_ == nullptr || !who_->may_use(scan_.model)) {
    return problem(ProblemKind::NotFound, "the model \"" + scan_.model + "\" does not exist or this key may not use it", "model_not_found");
  }
  asked_ = model_;
  return choose_target();
}

/// Where the model may be asked for in the caller's words, in which order.
RelayJob::Step RelayJob::choose_target() {
  order_.count = 1;
  order_.index[0] = 0;
  take_target(0);
  if (!model_->price) {
    return problem(ProblemKind::InvalidRequest, "the model \"" + scan_.model + "\" has no price, so that no budget can hold it", "model_unpriced");
  }
  if (model_->targets.size() > 1) {
    std::array<TargetHealth, kTargetsMax> health;
    const BootTime now = relay_.services_.admission.clock().boot_now();
    const std::size_t count = std::min(model_->targets.size(), kTargetsMax);
    for (std::size_t i = 0; i < count; ++i) {
      health[i] = relay_.services_.breakers.health(relay_.services_.catalog.upstream(model_->targets[i]), now);
    }
    order_ = order_targets(*model_, std::span(health.data(), count), draw());
    const auto end = std::remove_if(order_.index.begin(), order_.index.begin() + static_cast<std::ptrdiff_t>(order_.count),
                                    [&](std::uint8_t target) { return !speaks(relay_.services_.catalog.upstream(model_->targets[target])); });
    order_.count = static_cast<std::size_t>(end - order_.index.begin());
    if (order_.count > 0) take_target(0);
  }
  if (order_.count == 0 || !speaks(*upstream_)) {
    return problem(ProblemKind::InvalidRequest, "the model \"" + scan_.model + "\" is served in the dialect of " +
                                                    std::string(name(upstream_->dialect)) + ", use that client");
  }
  return {};
}

/// Chat is translated between the dialects, and tokens are counted here when the upstream can't; nothing else is.
bool RelayJob::speaks(const Upstream& upstream) const {
  const bool chat = call_.surface == Surface::Chat || call_.surface == Surface::Messages || call_.surface == Surface::CountTokens;
  return upstream.dialect == call_.dialect || call_.surface == Surface::Other || chat;
}

void RelayJob::take_target(std::size_t place) {
  target_ = &model_->targets[order_.index[place]];
  upstream_ = &relay_.services_.catalog.upstream(*target_);
  translating_ = upstream_->dialect != call_.dialect && call_.surface != Surface::Other;
  reader_ = !translating_ ? &codec_ : &relay_.codec(upstream_->dialect == Dialect::Anthropic ? Surface::Messages : Surface::Chat);
  if (charge_) charge_->moved_to(upstream_->name);
}

/// The next of the fallbacks that this key may use. What was reserved for the model before is settled: the next one has a
/// price of its own.
bool RelayJob::next_model() {
  if (refused_by_budget_) return false;
  while (fallback_ < asked_->fallbacks.size()) {
    const std::string& name = asked_->fallbacks[fallback_++];
    const Model* next = relay_.services_.catalog.find(name);
    if (next == nullptr || !who_->may_use(name)) continue;
    settle_attempt(Ending::UpstreamError, status_);
    model_ = next;
    if (!choose_target()) return true;
  }
  return false;
}

RelayJob::Step RelayJob::admit() {
  auto& services = relay_.services_;
  if (services.admission.spend().full()) {
    refusal_ = Refusal{};
    refusal_.reason = RefusalReason::TooMany;
    return problem_of(refusal_, services.admission.clock().wall_now());
  }
  Admission::Wish wish;
  wish.who = who_;
  wish.task = call_.task;
  wish.model = model_;
  wish.size = scan_.size;
  wish.free = free_ || call_.surface == Surface::CountTokens;
  auto admitted = services.admission.admit(wish);
  if (!admitted) {
    refusal_ = std::move(admitted.error());
    if (refusal_.reason != RefusalReason::NotDurable) {
      services.probe.refused(scope_level(refusal_.scope).value_or(ScopeLevel::Global), refusal_.reason);
    }
    return problem_of(refusal_, services.admission.clock().wall_now());
  }
  Charge::Names names{call_.request_id, std::string(call_.task), upstream_->name};
  charge_.emplace(services.admission, services.probe, wish, admitted.value(), std::move(names));
  return {};
}

asio::awaitable<RelayJob::Step> RelayJob::admit_when_durable() {
  Step refused;
  const auto& clock = relay_.services_.admission.clock();
  const BootTime until = clock.boot_now() + kRefillPatience;
  do {
    co_await relay_.services_.admission.spend().refilled();
    refused = admit();
    if (!refused || refusal_.reason != RefusalReason::NotDurable) co_return refused;
  } while (!gone_ && clock.boot_now() < until);
  relay_.services_.probe.refused(scope_level(refusal_.scope).value_or(ScopeLevel::Global), refusal_.reason);
  co_return refused;
}

void RelayJob::explain_refusal(const Problem& refused) const {
  auto& admission = relay_.services_.admission;
  if (!admission.explanations().wanted()) return;
  Explanation told;
  told.at = admission.clock().wall_now();
  told.request_id = call_.request_id;
  if (who_ != nullptr) {
    told.key = who_->name;
    told.team = who_->team;
    told.task = call_.task;
  }
  told.model = scan_.model;
  if (model_ != nullptr && upstream_ != nullptr) {
    told.upstream = upstream_->name;
    told.upstream_model = model_->upstream_model;
    told.price_source = model_->price_source;
  }
  if (!refusal_.scope.empty()) told.refusal = refusal_;
  told.problem = refused.message;
  told.status = http_status(refused.kind);
  admission.explanations().put(std::move(told));
}

void RelayJob::count(int status) {
  const double took = seconds();
  relay_.services_.probe.request(call_.surface, status, took);
  note(status, took);
}

double RelayJob::seconds() const {
  return std::chrono::duration<double>(relay_.services_.admission.clock().boot_now() - call_.begin).count();
}

void RelayJob::note(int status, double took) const {
  if (trace::spans_wanted()) {
    auto span = span_of(call_.trace, relay_.services_.admission.clock().wall_now(), took);
    span.name = "model call " + std::string(name(call_.surface));
    span.failed = status >= 500;
    span.attributes = {{"http.response.status_code", std::to_string(status)}, {"gen_ai.request.model", std::string(scan_.model)},
                       {"server.address", upstream_ != nullptr ? upstream_->name : std::string()}, {"swarm.request_id", std::string(call_.request_id)}};
    trace::finish(std::move(span));
  }
  if (!log::enabled(log::Level::Debug)) return;
  const trace::Scope scope(call_.trace);
  const Usage used = charge_ ? charge_->usage() : Usage{};
  log::debug("request", {{"request_id", call_.request_id}, {"route", name(call_.surface)}, {"model", scan_.model}, {"status", status},
                         {"upstream", upstream_ != nullptr ? std::string_view(upstream_->name) : std::string_view()},
                         {"key", who_ != nullptr ? std::string_view(who_->name) : std::string_view()},
                         {"input_tokens", used.input_total()}, {"output_tokens", used.output_total()},
                         {"usd", charge_ ? charge_->cost().usd() : 0.0}, {"ms", took * 1e3}});
}

}  // namespace swarm::gateway
