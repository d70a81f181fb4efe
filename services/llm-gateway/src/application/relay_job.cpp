#include "application/relay_job.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <charconv>
#include <random>

#include "application/forwarded_headers.hpp"
#include "application/problems.hpp"
#include "libs/telemetry/logging.hpp"

namespace swarm::gateway {
namespace asio = boost::asio;
namespace {

constexpr std::chrono::seconds kRefillPatience{2};
constexpr std::size_t kTaskIdMax = 128;
constexpr std::chrono::milliseconds kFirstPause{50};

Problem problem(ProblemKind kind, std::string message, std::string code = {}) {
  Problem p;
  p.kind = kind;
  p.message = std::move(message);
  p.code = std::move(code);
  return p;
}

bool retryable(int status) {
  return status == 429 || status == 500 || status == 502 || status == 503 || status == 504 || status == 529;
}

bool is_task_id(std::string_view text) {
  return text.size() <= kTaskIdMax && std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
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

asio::awaitable<void> RelayJob::run() {
  Step refused = authenticate();
  if (!refused) refused = scan();
  if (!refused) refused = choose();
  if (!refused) refused = admit();
  if (refused && refusal_.reason == RefusalReason::NotDurable) refused = co_await admit_when_durable();
  if (!refused) {
    write_request();
    refused = co_await exchange();
  }
  if (gone_) {
    relay_.services_.probe.hung_up();
    count(499);
    co_return;
  }
  if (refused) {
    if (charge_ && !charge_->settled()) charge_->settle(refused->kind == ProblemKind::Timeout ? Ending::TimedOut : Ending::UpstreamError, http_status(refused->kind), std::nullopt);
    note(http_status(refused->kind), std::chrono::duration<double>(relay_.services_.admission.clock().boot_now() - call_.begin).count());
    co_await relay_.refuse(call_, answer_, std::move(*refused));
    co_return;
  }
  const std::string_view type = exchange_->head().find("content-type");
  if (type.starts_with("text/event-stream") && status_ < 300) co_await relay_stream();
  else co_await relay_whole();
  count(gone_ ? 499 : status_);
}

RelayJob::Step RelayJob::authenticate() {
  who_ = call_.who != nullptr ? call_.who : relay_.services_.keys.authenticate(call_.credential);
  if (who_ == nullptr) return problem(ProblemKind::Authentication, "unknown or missing API key");
  if (call_.task.empty()) return {};
  if (!who_->bare_tasks) {
    return problem(ProblemKind::Permission, "this key may not name a task: x-swarm-task-id needs x-swarm-task-token");
  }
  if (!is_task_id(call_.task)) return problem(ProblemKind::InvalidRequest, "x-swarm-task-id is not a task's id");
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
  upstream_ = &relay_.services_.catalog.upstream(*model_);
  if (upstream_->dialect != call_.dialect && !passed_on) {
    return problem(ProblemKind::InvalidRequest, "the model \"" + scan_.model + "\" is served in the dialect of " +
                                                    std::string(name(upstream_->dialect)) + ", use that client");
  }
  if (!model_->price && relay_.options_.refuse_unpriced) {
    return problem(ProblemKind::InvalidRequest, "the model \"" + scan_.model + "\" has no price, so that no budget can hold it", "model_unpriced");
  }
  return {};
}

RelayJob::Step RelayJob::admit() {
  auto& services = relay_.services_;
  if (services.admission.spend().full()) refusal_.reason = RefusalReason::TooMany;
  Admission::Wish wish;
  wish.who = who_;
  wish.task = call_.task;
  wish.model = model_;
  wish.size = scan_.size;
  wish.free = call_.surface == Surface::CountTokens;
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

void RelayJob::write_request() {
  request_headers_.reserve(512);
  if (call_.head != nullptr) append_request_headers(request_headers_, *call_.head);
  else request_headers_ += "content-type: application/json\r\n";
  request_headers_ += "traceparent: ";
  request_headers_ += call_.trace.child().traceparent();
  request_headers_ += "\r\n";

  outgoing_.upstream = upstream_;
  if (call_.head != nullptr) outgoing_.method = call_.head->method;
  outgoing_.path = call_.path;
  outgoing_.headers = request_headers_;
  std::size_t pieces = 0;
  std::size_t at = 0;
  const auto splice = [&](std::size_t where, std::size_t over, std::string_view text) {
    outgoing_.body[pieces++] = call_.body.substr(at, where - at);
    outgoing_.body[pieces++] = text;
    at = where + over;
  };
  if (!model_->upstream_model.empty() && model_->upstream_model != scan_.model) {
    model_json_ = '"' + model_->upstream_model + '"';
  }
  const bool model_first = scan_.model_at < scan_.insert_at;
  if (model_first && !model_json_.empty()) splice(scan_.model_at, scan_.model_length, model_json_);
  if (scan_.insert_at > 0) splice(scan_.insert_at, scan_.insert_over, scan_.insert);
  if (!model_first && !model_json_.empty()) splice(scan_.model_at, scan_.model_length, model_json_);
  outgoing_.body[pieces++] = call_.body.substr(at);
  for (const auto& piece : outgoing_.body) outgoing_.body_bytes += piece.size();
  const auto& clock = relay_.services_.admission.clock();
  relay_.services_.probe.overhead(std::chrono::duration<double>(clock.boot_now() - call_.begin).count());
}

asio::awaitable<RelayJob::Step> RelayJob::exchange() {
  auto& services = relay_.services_;
  const auto& clock = services.admission.clock();
  for (int attempt = 0;; ++attempt) {
    const auto ticket = services.breakers.admit(*upstream_, clock.boot_now());
    if (ticket == CircuitBreaker::kRefused) {
      auto refused = problem(ProblemKind::Overloaded, "upstream " + upstream_->name + " is failing and gets a rest; try again shortly", "upstream_resting");
      refused.retry = true;
      refused.retry_after = 1;
      co_return refused;
    }
    auto sent = co_await relay_.link_.send(outgoing_, &attempt_);
    attempt_ = nullptr;
    std::optional<std::chrono::milliseconds> wish;
    if (sent) {
      charge_->sent();
      exchange_ = std::move(sent.value());
      status_ = exchange_->head().status;
      services.probe.upstream_answer(*upstream_, status_);
      if (status_ >= 500) services.breakers.failure(*upstream_, ticket, clock.boot_now());
      else services.breakers.success(*upstream_, ticket, clock.boot_now());
      if (!retryable(status_) || attempt >= upstream_->retries_max) co_return Step();
      wish = retry_wish(exchange_->head());
      if (!wish) co_return Step();
    } else {
      const UpstreamFault fault = sent.error();
      if (fault == UpstreamFault::Cancelled) services.breakers.abandon(*upstream_, ticket, clock.boot_now());
      else services.breakers.failure(*upstream_, ticket, clock.boot_now());
      services.probe.upstream_fault(*upstream_, fault);
      // Once sent, the work may have been done and be paid for: only what never left is tried again.
      if (fault != UpstreamFault::Connect) charge_->sent();
      if (gone_ || fault != UpstreamFault::Connect || attempt >= upstream_->retries_max) {
        co_return problem_of(fault, upstream_->name);
      }
      wish = std::chrono::milliseconds(0);
    }
    if (!co_await pause_before_retry(attempt, wish)) co_return Step();
    exchange_.reset();
    services.probe.retried(*upstream_);
  }
}

/// How long the upstream wants us to wait; nothing when it should not be asked again, or not so soon.
std::optional<std::chrono::milliseconds> RelayJob::retry_wish(const http::Head& head) const {
  if (head.find("x-should-retry") == "false") return std::nullopt;
  std::int64_t wait = 0;
  const std::string_view exact = head.find("retry-after-ms");
  const std::string_view text = exact.empty() ? head.find("retry-after") : exact;
  if (!text.empty()) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), wait);
    if (error != std::errc() || wait < 0 || wait > 3'600'000) return std::nullopt;
    if (exact.empty()) wait *= 1000;
  }
  const std::chrono::milliseconds wished(wait);
  if (wished > upstream_->retry_after_max) return std::nullopt;
  return wished;
}

/// False when the caller left meanwhile.
asio::awaitable<bool> RelayJob::pause_before_retry(int attempt, std::optional<std::chrono::milliseconds> wanted) {
  thread_local std::minstd_rand jitter{std::random_device{}()};
  const auto step = kFirstPause * (1 << std::min(attempt, 5));
  const auto spread = std::chrono::milliseconds(static_cast<std::int64_t>(jitter() % 100) * step.count() / 200);
  asio::steady_timer timer(co_await asio::this_coro::executor, std::max(wanted.value_or(step), step) + spread);
  retry_timer_ = &timer;
  if (!gone_) co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
  retry_timer_ = nullptr;
  co_return !gone_;
}

std::string RelayJob::answer_headers(std::optional<Money> cost) const {
  std::string lines;
  lines.reserve(512);
  append_own_headers(lines, call_);
  append_response_headers(lines, exchange_->head());
  append_rate_headers(lines, call_.dialect, charge_->admitted());
  if (cost) {
    std::array<char, 48> text;
    const int n = std::snprintf(text.data(), text.size(), "x-swarm-cost-usd: %.9f\r\n", cost->usd());
    lines.append(text.data(), static_cast<std::size_t>(std::max(n, 0)));
  }
  return lines;
}

asio::awaitable<void> RelayJob::relay_whole() {
  std::string_view body;
  if (!exchange_->whole(body)) {
    auto read = co_await exchange_->read_all(relay_.options_.response_bytes_max);
    if (!read) {
      charge_->settle(gone_ ? Ending::HungUp : Ending::Truncated, status_, std::nullopt);
      if (gone_) co_return;
      relay_.services_.probe.upstream_fault(*upstream_, read.error());
      const auto fault = problem_of(read.error(), upstream_->name);
      status_ = http_status(fault.kind);
      co_await relay_.refuse(call_, answer_, fault);
      co_return;
    }
    body = read.value();
  }
  Money cost;
  if (status_ < 300) {
    const auto usage = codec_.usage(body, exchange_->padding());
    if (!usage) charge_->generated(body.size(), 0);
    cost = charge_->settle(Ending::Ok, status_, usage);
  } else {
    // An error costs nothing: no provider charges for one.
    cost = charge_->settle(Ending::UpstreamError, status_, Usage{});
  }
  const std::string headers = answer_headers(cost);
  co_await answer_.whole(status_, headers, body);
}

void RelayJob::count(int status) {
  const auto& clock = relay_.services_.admission.clock();
  const double seconds = std::chrono::duration<double>(clock.boot_now() - call_.begin).count();
  relay_.services_.probe.request(call_.surface, status, seconds);
  note(status, seconds);
}

void RelayJob::note(int status, double seconds) const {
  if (!log::enabled(log::Level::Debug)) return;
  const trace::Scope scope(call_.trace);
  const Usage used = charge_ ? charge_->usage() : Usage{};
  log::debug("request", {{"request_id", call_.request_id}, {"route", name(call_.surface)}, {"model", scan_.model}, {"status", status},
                         {"upstream", upstream_ != nullptr ? std::string_view(upstream_->name) : std::string_view()},
                         {"key", who_ != nullptr ? std::string_view(who_->name) : std::string_view()},
                         {"input_tokens", used.input_total()}, {"output_tokens", used.output_total()},
                         {"usd", charge_ ? charge_->cost().usd() : 0.0}, {"ms", seconds * 1e3}});
}

}  // namespace swarm::gateway
