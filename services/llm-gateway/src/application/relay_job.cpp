#include "application/relay_job.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <array>
#include <random>

#include "application/forwarded_headers.hpp"
#include "application/problems.hpp"
#include "domain/target_order.hpp"
#include "libs/telemetry/logging.hpp"
#include "libs/telemetry/span.hpp"

namespace swarm::gateway {
namespace asio = boost::asio;
namespace {

constexpr std::chrono::seconds kRefillPatience{2};
constexpr std::chrono::milliseconds kLookForTurn{20};  // in case the bell rang while nobody listened yet
constexpr std::size_t kTaskIdMax = 128;
constexpr int kStatusClientGone = 499;
constexpr int kStatusBrokenOff = 502;
constexpr int kStatusUnsupportedCoding = 415;

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

std::optional<Operation> operation_of(Surface surface) {
  switch (surface) {
    case Surface::Chat: case Surface::Messages: case Surface::Responses: case Surface::Grpc: return Operation::Chat;
    case Surface::Completions: return Operation::TextCompletion;
    case Surface::Embeddings: return Operation::Embeddings;
    case Surface::CountTokens: case Surface::Models: case Surface::Other: break;
  }
  return std::nullopt;
}

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
    : lane_(relay.lane_), edition_(*lane_->edition), relay_(relay), call_(call), answer_(answer), codec_(relay.codec(call.surface)),
      body_(call.body), padding_(call.padding) {
  answer_.watch(this);
}

RelayJob::~RelayJob() {
  answer_.watch(nullptr);
  if (streaming_) edition_.probe.stream_closed();
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
  if (!refused) refused = job.vet_request();
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
  if (!refused && !job.gone_) {
    if (job.is_stream()) co_await job.relay_stream();
    else refused = co_await job.relay_whole();
  }
  if (job.gone_) {
    job.settle_attempt(Ending::HungUp, kStatusClientGone);
    job.edition_.probe.hung_up();
    job.count(kStatusClientGone);
  } else if (refused) {
    const int status = http_status(*refused);
    if (!job.charge_) job.explain_refusal(*refused);
    job.settle_attempt(ending_of(*refused), status);
    job.note(status, job.seconds());
    co_await relay.refuse(call, answer, std::move(*refused));  // which counts it
  } else {
    job.count(job.status_);
  }
}

RelayJob::Step RelayJob::authenticate() {
  who_ = call_.who != nullptr ? call_.who : relay_.authenticate(call_, answer_);
  if (who_ == nullptr) return Relay::unknown_key();
  if (call_.task.empty()) return {};
  if (!is_task_id(call_.task)) return problem(ProblemKind::InvalidRequest, "x-swarm-task-id is not a task's id");
  if (const auto leave = relay_.services_.keys.may_name(*who_, call_.task, call_.task_token); !leave) {
    return problem(ProblemKind::Permission, leave.error().message);
  }
  return {};
}

RelayJob::Step RelayJob::scan() {
  auto scanned = codec_.scan(body_, padding_);
  if (!scanned) return unreadable(std::move(scanned.error().message));
  scan_ = std::move(scanned.value());
  return {};
}

/// A body that says it is compressed is one that nobody here unpacks: what reads it then would only say that it is no JSON.
Problem RelayJob::unreadable(std::string why) const {
  Problem told = problem(ProblemKind::InvalidRequest, std::move(why));
  const auto coding = call_.head == nullptr ? std::string_view() : call_.head->find("content-encoding");
  if (coding.empty() || coding == "identity") return told;
  told.message = "content-encoding " + std::string(coding.substr(0, 40)) + " is not supported: send the body as it is";
  told.status = kStatusUnsupportedCoding;
  told.headers = "accept-encoding: identity\r\n";
  return told;
}

RelayJob::Step RelayJob::choose() {
  const bool passed_on = call_.surface == Surface::Other;
  model_ = passed_on ? edition_.catalog.route(call_.path.substr(0, call_.path.find('?'))) : edition_.catalog.find(scan_.model);
  if (passed_on && model_ != nullptr) scan_.model = model_->name;
  if (model_ == nullptr || !who_->may_use(scan_.model)) {
    return problem(ProblemKind::NotFound, "the model \"" + scan_.model + "\" does not exist or this key may not use it", "model_not_found");
  }
  asked_ = model_;
  return choose_target();
}

/// The request as the privacy guard of its model lets it through.
RelayJob::Step RelayJob::vet_request() {
  static constexpr std::size_t kPadding = 64;
  guard_ = edition_.guard_of(*model_);
  if (guard_ == nullptr || !guard_->looks_at(GuardDirection::Request)) return {};
  const GuardFindings found = guard_->check(GuardDirection::Request, body_, guarded_);
  note_findings("request", found);
  if (const auto rule = refused_by(found); !rule.empty()) return guard_problem(rule);
  if (guarded_.empty()) return {};
  padding_ = kPadding;
  guarded_.append(kPadding, ' ');
  body_ = std::string_view(guarded_).substr(0, guarded_.size() - kPadding);
  const std::string model = scan_.model;
  Step wrong = scan();
  // A guard that masks names of models would send the request elsewhere.
  if (!wrong && call_.surface != Surface::Other && scan_.model != model) return guard_problem("model");
  if (call_.surface == Surface::Other) scan_.model = model;
  return wrong;
}

Problem RelayJob::guard_problem(std::string_view rule) const {
  return problem(ProblemKind::InvalidRequest,
                 "the privacy guard " + guard_->name() + " refuses this: rule " + std::string(rule), "guard_refused");
}

void RelayJob::note_findings(std::string_view where, const GuardFindings& findings) {
  for (const GuardFinding& one : findings) {
    findings_.push_back(std::string(where) + ": " + one.rule + " x" + std::to_string(one.count) + ", " + std::string(name(one.action)));
  }
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
      health[i] = edition_.breakers.health(edition_.catalog.upstream(model_->targets[i]), now);
    }
    order_ = order_targets(*model_, std::span(health.data(), count), draw());
    const auto end = std::remove_if(order_.index.begin(), order_.index.begin() + static_cast<std::ptrdiff_t>(order_.count),
                                    [&](std::uint8_t target) { return !speaks(edition_.catalog.upstream(model_->targets[target])); });
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
  upstream_ = &edition_.catalog.upstream(*target_);
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
    const Model* next = edition_.catalog.find(name);
    if (next == nullptr || !who_->may_use(name)) continue;
    settle_attempt(Ending::UpstreamError, status_);
    model_ = next;
    if (!choose_target()) return true;
  }
  return false;
}

Admission::Wish RelayJob::wish() const {
  Admission::Wish made;
  made.who = who_;
  made.task = call_.task;
  made.model = model_;
  made.size = scan_.size;
  made.free = free_ || call_.surface == Surface::CountTokens;
  return made;
}

RelayJob::Step RelayJob::admit(Admission::Places& places) {
  auto& services = relay_.services_;
  if (services.admission.spend().full()) {
    refusal_ = Refusal{};
    refusal_.reason = RefusalReason::TooMany;
    return problem_of(refusal_, services.admission.clock().wall_now());
  }
  auto admitted = services.admission.admit(wish(), places);
  if (!admitted) {
    refusal_ = std::move(admitted.error());
    const WallTime now = services.admission.clock().wall_now();
    Problem told = problem_of(refusal_, now);
    append_rate_headers(told.headers, call_.dialect, refusal_.rate_view, now);
    return told;
  }
  Charge::Names names{call_.request_id, std::string(call_.task), upstream_->name,
                      std::string(body_.substr(0, relay_.options_.prompt_bytes_max)), findings_};
  charge_.emplace(services.admission, edition_.probe, wish(), admitted.value(), std::move(names));
  return {};
}

/// Until the bell rings, the time is over or the caller left.
asio::awaitable<void> RelayJob::wait_for_turn(std::chrono::nanoseconds time, Turn turn) {
  const auto executor = co_await asio::this_coro::executor;
  const auto timer = std::make_shared<asio::steady_timer>(executor, time);
  const TurnBell::Listener listener(relay_.services_.admission.bell(), turn, timer);
  retry_timer_ = timer.get();
  if (!gone_) co_await timer->async_wait(asio::as_tuple(asio::use_awaitable));
  retry_timer_ = nullptr;
}

/// Admission, also for a request that must wait for it: for its turn where its limit has a queue, and for the durable debit.
asio::awaitable<RelayJob::Step> RelayJob::admit_in_turn() {
  auto& admission = relay_.services_.admission;
  const BootTime begin = admission.clock().boot_now();
  Admission::Places places;
  std::optional<BootTime> starved;  // since when the debit is waited for, which is no part of waiting for one's turn
  Step refused = admit(places);
  while (refused) {
    const BootTime now = admission.clock().boot_now();
    const auto left = refusal_.queue_time - (now - begin);
    const bool parallel = refusal_.rate == RateReason::Parallel;
    const bool in_time = parallel ? left.count() > 0 : refusal_.rate_wait <= left;
    const bool for_turn = refusal_.may_wait && in_time && !gone_;
    const bool short_of_debit = refusal_.reason == RefusalReason::NotDurable;
    if (short_of_debit && !starved) starved = now;
    const bool for_debit = short_of_debit && now - *starved < kRefillPatience && !gone_;
    if (for_debit) co_await admission.spend().refilled();
    const std::chrono::nanoseconds look = kLookForTurn * static_cast<std::int64_t>(refusal_.queue_ahead + 1);
    if (for_turn) co_await wait_for_turn(parallel ? std::min<std::chrono::nanoseconds>(look, left) : refusal_.rate_wait, places.next());
    if (gone_ || !(for_turn || for_debit)) break;
    refused = admit(places);
  }
  admission.leave(wish(), places);
  if (refused) {
    const auto level = refusal_.reason == RefusalReason::Rate ? ScopeLevel::Key : ScopeLevel::Global;
    edition_.probe.refused(scope_level(refusal_.scope).value_or(level), refusal_.reason);
  }
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
  told.guard = findings_;
  if (model_ != nullptr && upstream_ != nullptr) {
    told.upstream = upstream_->name;
    told.upstream_model = model_->upstream_model;
    told.price_source = model_->price_source;
  }
  if (!refusal_.scope.empty()) told.refusal = refusal_;
  told.problem = refused.message;
  told.status = http_status(refused);
  admission.explanations().put(std::move(told));
}

void RelayJob::count(int status) {
  const double took = seconds();
  edition_.probe.request(call_.surface, status, took);
  note(status, took);
}

double RelayJob::seconds() const {
  return std::chrono::duration<double>(relay_.services_.admission.clock().boot_now() - call_.begin).count();
}

void RelayJob::measure(int status, double took) const {
  const auto operation = operation_of(call_.surface);
  if (!operation || model_ == nullptr || upstream_ == nullptr) return;
  if (broke_off_) status = kStatusBrokenOff;
  const auto seconds_since = [now = relay_.services_.admission.clock().boot_now()](BootTime then) { return std::chrono::duration<double>(now - then).count(); };
  GenAiMetrics& told = edition_.probe.gen_ai();
  const GenAiMetrics::Request request{model_, upstream_, *operation};
  told.served(request, status, took);
  if (asked_at_ != BootTime{}) told.asked(request, status, seconds_since(asked_at_));
  if (!charge_ || !charge_->settled()) return;
  const Usage& usage = charge_->usage();
  told.used(request, usage);
  if (first_token_at_ == BootTime{} || status >= 400) return;
  told.first_token(request, std::chrono::duration<double>(first_token_at_ - call_.begin).count());
  const auto tokens = usage.output_total();
  if (!usage.estimated && tokens > 1) told.each_token(request, seconds_since(first_token_at_) / static_cast<double>(tokens - 1));
}

void RelayJob::note(int status, double took) const {
  measure(status, took);
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
