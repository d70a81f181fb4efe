// The half of RelayJob that asks upstreams: the request as each of them wants it, attempts, pauses, the next target.
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <charconv>
#include <random>

#include "application/forwarded_headers.hpp"
#include "application/problems.hpp"
#include "application/relay_job.hpp"
#include "libs/telemetry/logging.hpp"

namespace swarm::gateway {
namespace asio = boost::asio;
namespace {

constexpr std::chrono::milliseconds kFirstPause{50};
constexpr std::chrono::seconds kRestMax{60};

bool retryable(int status) {
  return status == 429 || status == 500 || status == 502 || status == 503 || status == 504 || status == 529;
}

/// Whatever the caller asked for.
bool refuses_us(int status) { return status == 401 || status == 403 || status == 429; }

std::string answered_with(int status) { return "answered with " + std::to_string(status); }

/// What an upstream says of when to come back; nothing when it doesn't, or not in a number.
std::optional<std::chrono::milliseconds> retry_after(const http::Head& head) {
  std::int64_t wait = 0;
  const std::string_view exact = head.find("retry-after-ms");
  const std::string_view text = exact.empty() ? head.find("retry-after") : exact;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), wait);
  if (text.empty() || error != std::errc() || wait < 0 || wait > 3'600'000) return std::nullopt;
  return std::chrono::milliseconds(exact.empty() ? wait * 1000 : wait);
}

}  // namespace

/// All targets of the model in their order, and again after a pause as long as one of them is worth it. Nothing: an answer
/// stands in exchange_, good or not.
asio::awaitable<RelayJob::Step> RelayJob::ask_model() {
  std::array<bool, kTargetsMax> again;
  again.fill(true);
  const auto left_after = [&](std::size_t place) {
    return std::find(again.begin() + static_cast<std::ptrdiff_t>(place) + 1, again.begin() + static_cast<std::ptrdiff_t>(order_.count), true) !=
           again.begin() + static_cast<std::ptrdiff_t>(order_.count);
  };
  Step refused;
  for (int round = 0;; ++round) {
    std::optional<std::chrono::milliseconds> wait;
    for (std::size_t place = 0; place < order_.count; ++place) {
      if (!again[place]) continue;
      if (place > 0 || round > 0) take_target(place);
      if (!charge_ || charge_->settled()) {
        refused = co_await admit_in_turn();
        refused_by_budget_ = refused.has_value();
        if (refused) co_return refused;
      }
      refused = write_request();
      if (refused) co_return refused;
      last_ = !left_after(place) && !has_fallback();
      Attempted attempted = co_await attempt();
      if (attempted.done || gone_) co_return std::move(attempted.problem);
      refused = std::move(attempted.problem);
      again[place] = attempted.again.has_value() && round < upstream_->retries_max;
      if (again[place]) wait = std::max(wait.value_or(*attempted.again), *attempted.again);
      // The last answer there will be is the caller's, as it is.
      if (!wait && last_) co_return exchange_ ? Step() : refused;
      leave_attempt();
      edition_.probe.retried(*upstream_);
    }
    if (!wait) co_return refused;
    if (!co_await pause_before_retry(round, *wait)) co_return Step();
  }
}

bool RelayJob::has_fallback() const {
  return std::any_of(asked_->fallbacks.begin() + static_cast<std::ptrdiff_t>(fallback_), asked_->fallbacks.end(),
                     [&](const std::string& name) { return who_->may_use(name); });
}

/// Before another attempt: the answer that was not good enough goes, and what may have been paid for is settled.
void RelayJob::leave_attempt() {
  exchange_.reset();
  translator_.reset();
  pending_.clear();
  held_.clear();
  if (paid_) settle_attempt(Ending::UpstreamError, status_);
  meter_ = StreamMeter{};
  paid_ = false;
}

/// Ends the reservation. Refusals of an upstream cost nothing; what was sent and got no answer, or a part of one, may.
void RelayJob::settle_attempt(Ending ending, int status) {
  if (!charge_ || charge_->settled()) return;
  if (meter_.text_events > 0) charge_->generated(meter_.text_bytes, meter_.text_events);
  charge_->settle(ending, status, paid_ ? std::nullopt : std::optional<Usage>(Usage{}));
}

asio::awaitable<RelayJob::Attempted> RelayJob::attempt() {
  auto& services = relay_.services_;
  const auto& clock = services.admission.clock();
  Attempted attempted;
  const auto ticket = edition_.breakers.admit(*upstream_, clock.boot_now());
  if (ticket == CircuitBreaker::kRefused) {
    Problem resting;
    resting.kind = ProblemKind::Overloaded;
    resting.message = "upstream " + upstream_->name + " is failing and gets a rest; try again shortly";
    resting.code = "upstream_resting";
    resting.retry = true;
    resting.retry_after = 1;
    attempted.problem = std::move(resting);
    co_return attempted;
  }
  const bool timed = model_->balance == Balance::LeastLatency;
  const BootTime begin = clock.boot_now();
  if (asked_at_ == BootTime{}) asked_at_ = begin;
  auto sent = co_await link().send(outgoing_, &attempt_);
  attempt_ = nullptr;
  const auto took = clock.boot_now() - begin;
  at_upstreams_ += took;
  if (!sent) {
    const UpstreamFault fault = sent.error();
    charge_->attempted(upstream_->name, 0, name(fault));
    edition_.probe.upstream_fault(*upstream_, fault);
    if (fault == UpstreamFault::Cancelled) {
      edition_.breakers.abandon(*upstream_, ticket, clock.boot_now());
    } else {
      const std::string& error = link().last_error();
      edition_.breakers.failure(*upstream_, ticket, clock.boot_now(), std::string(name(fault)) + (error.empty() ? "" : ": " + error));
      tell_attempt(name(fault), error);
    }
    // Once sent, the work may have been done and be paid for: this upstream is not asked for it twice.
    paid_ = fault != UpstreamFault::Connect;
    if (paid_) charge_->sent();
    else attempted.again = std::chrono::milliseconds(0);
    attempted.problem = problem_of(fault, upstream_->name);
    co_return attempted;
  }
  charge_->sent();
  exchange_ = std::move(sent.value());
  status_ = exchange_->head().status;
  charge_->attempted(upstream_->name, status_, {});
  edition_.probe.upstream_answer(*upstream_, status_);
  if (status_ >= 500) edition_.breakers.failure(*upstream_, ticket, clock.boot_now(), answered_with(status_));
  else if (refuses_us(status_)) edition_.breakers.refusal(*upstream_, ticket, clock.boot_now(), answered_with(status_));
  else edition_.breakers.success(*upstream_, ticket, clock.boot_now());
  if (timed) edition_.breakers.took(*upstream_, took);
  attempted.done = !retryable(status_);
  if (attempted.done) {
    const bool stream = status_ < 300 && exchange_->head().find("content-type").starts_with("text/event-stream");
    if (!stream || last_) co_return attempted;
    paid_ = true;
    attempted.problem = co_await first_content();
    attempted.done = !attempted.problem;
    co_return attempted;
  }
  const auto wish = retry_after(exchange_->head());
  if (status_ == 429 && wish && model_->targets.size() > 1) {
    edition_.breakers.rest(*upstream_, clock.boot_now() + std::min<std::chrono::nanoseconds>(*wish, kRestMax));
  }
  attempted.again = retry_wish(wish);
  Problem answered;
  answered.kind = status_ == 429 ? ProblemKind::RateLimit : status_ == 503 || status_ == 529 ? ProblemKind::Overloaded : ProblemKind::Upstream;
  answered.message = "upstream " + upstream_->name + " " + answered_with(status_);
  answered.retry = true;
  attempted.problem = std::move(answered);
  co_return attempted;
}

/// An answer that had begun did not come to its end.
void RelayJob::note_break(UpstreamFault fault) {
  edition_.probe.upstream_fault(*upstream_, fault);
  edition_.breakers.broke_off(*upstream_, relay_.services_.admission.clock().boot_now(), "broke off: " + std::string(name(fault)));
}

/// An upstream did not do what it should; within a bound of lines.
void RelayJob::tell_attempt(std::string_view fault, std::string_view error) const {
  const auto withheld = relay_.attempt_lines_.take();
  if (!withheld) return;
  const trace::Scope scope(call_.trace);
  log::warn("attempt at an upstream failed", {{"request_id", call_.request_id}, {"upstream", upstream_->name}, {"fault", fault},
                                              {"error", error}, {"lines_withheld", *withheld}});
}

/// How long to leave the upstream alone before it is asked again; nothing when it should not be, or not so soon.
std::optional<std::chrono::milliseconds> RelayJob::retry_wish(std::optional<std::chrono::milliseconds> wish) const {
  const http::Head& head = exchange_->head();
  if (head.find("x-should-retry") == "false") return std::nullopt;
  const bool said = !head.find("retry-after").empty() || !head.find("retry-after-ms").empty();
  if (said && !wish) return std::nullopt;
  const auto wished = wish.value_or(std::chrono::milliseconds(0));
  if (wished > upstream_->retry_after_max) return std::nullopt;
  return wished;
}

/// False when the caller left meanwhile.
asio::awaitable<bool> RelayJob::pause_before_retry(int round, std::chrono::milliseconds wanted) {
  thread_local std::minstd_rand jitter{std::random_device{}()};
  const auto step = kFirstPause * (1 << std::min(round, 5));
  const auto spread = std::chrono::milliseconds(static_cast<std::int64_t>(jitter() % 100) * step.count() / 200);
  asio::steady_timer timer(co_await asio::this_coro::executor, std::max(wanted, step) + spread);
  retry_timer_ = &timer;
  if (!gone_) co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
  retry_timer_ = nullptr;
  co_return !gone_;
}

RelayJob::Step RelayJob::write_request() {
  const auto& clock = relay_.services_.admission.clock();
  request_headers_.clear();
  request_headers_.reserve(512);
  if (call_.head == nullptr) append_foreign_headers(request_headers_, http::Head(), upstream_->dialect);
  else if (translating_) append_foreign_headers(request_headers_, *call_.head, upstream_->dialect);
  else append_request_headers(request_headers_, *call_.head);
  request_headers_ += "traceparent: ";
  request_headers_ += call_.trace.child().traceparent();
  request_headers_ += "\r\n";
  outgoing_ = Outgoing{};
  outgoing_.upstream = upstream_;
  if (call_.head != nullptr) outgoing_.method = call_.head->method;
  outgoing_.path = call_.path;
  outgoing_.headers = request_headers_;
  // "*" stands for what was asked for; every other model has a name of its own, which the upstream may call otherwise.
  std::string_view wanted = target_->model;
  if (wanted.empty()) wanted = model_->name == "*" ? std::string_view(scan_.model) : std::string_view(model_->name);
  if (translating_) {
    auto made = relay_.translation_.request(body_, call_.dialect, {wanted, model_->output_tokens_max});
    if (!made) {
      Problem refused;
      refused.message = std::move(made.error().message);
      return refused;
    }
    translated_ = std::move(made.value());
    outgoing_.path = upstream_->dialect == Dialect::Anthropic ? "/v1/messages" : "/v1/chat/completions";
    outgoing_.body[0] = translated_;
  } else {
    splice_request(wanted);
  }
  for (const auto& piece : outgoing_.body) outgoing_.body_bytes += piece.size();
  edition_.probe.overhead(std::chrono::duration<double>(clock.boot_now() - call_.begin).count());
  return {};
}

/// The caller's body as it came, but for the model's name and the wish for usage.
void RelayJob::splice_request(std::string_view wanted) {
  std::size_t pieces = 0;
  std::size_t at = 0;
  const auto splice = [&](std::size_t where, std::size_t over, std::string_view text) {
    outgoing_.body[pieces++] = body_.substr(at, where - at);
    outgoing_.body[pieces++] = text;
    at = where + over;
  };
  model_json_.clear();
  if (scan_.model_length > 0 && wanted != scan_.model) {
    model_json_ += '"';
    model_json_ += wanted;
    model_json_ += '"';
  }
  const bool model_first = scan_.model_at < scan_.insert_at;
  if (model_first && !model_json_.empty()) splice(scan_.model_at, scan_.model_length, model_json_);
  if (scan_.insert_at > 0) splice(scan_.insert_at, scan_.insert_over, scan_.insert);
  if (!model_first && !model_json_.empty()) splice(scan_.model_at, scan_.model_length, model_json_);
  outgoing_.body[pieces++] = body_.substr(at);
}

}  // namespace swarm::gateway
