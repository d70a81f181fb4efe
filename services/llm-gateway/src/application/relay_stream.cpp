// The half of RelayJob that relays server-sent events.
#include "application/problems.hpp"
#include "application/relay_job.hpp"

namespace swarm::gateway {
namespace asio = boost::asio;
namespace {

constexpr std::size_t kHeldMax = 64 * 1024;

}  // namespace

/// Takes complete events off the front of `data` and appends those for the caller to `out`. False when an event is
/// longer than allowed.
bool RelayJob::take_events(std::string_view& data, std::string& out) {
  while (const std::size_t length = http::sse_event_length(data)) {
    const std::string_view bytes = data.substr(0, length);
    const http::SseEvent event = http::parse_sse_event(bytes, scratch_);
    reader_->meter(event, meter_);
    if (translating_) translate_event(event, out);
    // The usage that we asked for is not for a caller who did not.
    else if (!(meter_.usage_only && !scan_.wants_usage)) out += bytes;
    data.remove_prefix(length);
  }
  return data.size() <= relay_.options_.event_bytes_max;
}

void RelayJob::translate_event(const http::SseEvent& event, std::string& out) {
  if (!translator_) translator_ = relay_.translation_.stream(upstream_->dialect, scan_.model, scan_.wants_usage);
  translator_->event(event, out);
}

/// Reads a stream until it holds something that was generated, while another upstream could still take over: afterwards it is
/// the caller's, whatever becomes of it. A problem: it failed before that.
asio::awaitable<RelayJob::Step> RelayJob::first_content() {
  translator_.reset();
  std::string out;
  while (true) {
    auto piece = co_await exchange_->read_some();
    if (gone_) co_return Step();
    if (!piece || piece.value().empty()) {
      const UpstreamFault fault = piece ? UpstreamFault::Closed : piece.error();
      note_break(fault);
      co_return problem_of(fault, upstream_->name);
    }
    pending_ += piece.value();
    std::string_view data = pending_;
    const bool fits = take_events(data, out);
    pending_.erase(0, pending_.size() - data.size());
    if (meter_.failed && meter_.text_events == 0) {
      paid_ = false;  // it told of its failure before it made anything
      note_break(UpstreamFault::Closed);
      co_return problem_of(UpstreamFault::Closed, upstream_->name);
    }
    if (meter_.text_events > 0 || meter_.finished || meter_.has_usage || !fits || out.size() > kHeldMax) break;
  }
  held_ = std::move(out);
  co_return Step();
}

/// What of these events may go on now; nothing when the guard refuses the answer.
std::optional<std::string_view> RelayJob::vetted(std::string_view events) {
  if (!stream_guard_) return events;
  passed_.clear();
  if (!stream_guard_->pass(events, passed_)) return std::nullopt;
  return passed_;
}

void RelayJob::note_generated() {
  charge_->generated(meter_.text_bytes, meter_.text_events);
  if (meter_.text_events > 0 && first_token_at_ == BootTime{}) first_token_at_ = relay_.services_.admission.clock().boot_now();
}

void RelayJob::settle_stream(Ending ending) {
  if (charge_->settled()) return;
  if (stream_guard_) {
    note_findings("answer", stream_guard_->findings());
    charge_->found(findings_);
  }
  std::optional<Usage> usage;
  if (meter_.has_usage) usage = meter_.usage;
  charge_->settle(ending, status_, usage);
}

asio::awaitable<void> RelayJob::relay_stream() {
  auto& probe = edition_.probe;
  const auto& clock = relay_.services_.admission.clock();
  streaming_ = true;
  probe.stream_opened();
  const std::string headers = answer_headers(std::nullopt);
  if (!co_await answer_.begin(status_, headers)) gone_ = true;
  std::string pending = std::move(pending_);  // the beginning of an event whose end has not come
  std::string out;
  bool first = held_.empty();
  if (guard_ != nullptr && guard_->looks_at(GuardDirection::Answer)) stream_guard_ = guard_->stream();
  if (!first) {
    const auto passed = vetted(held_);
    note_generated();
    if (meter_.finished) settle_stream(Ending::Ok);
    probe.first_event(std::chrono::duration<double>(clock.boot_now() - call_.begin).count());
    if (!passed) {
      co_await finish_stream("", guard_problem(refused_by(stream_guard_->findings())), Ending::Truncated);
      co_return;
    }
    if (!passed->empty() && !co_await answer_.send(*passed)) gone_ = true;
    held_.clear();
  }
  while (!gone_) {
    auto piece = co_await exchange_->read_some();
    if (gone_) break;
    if (!piece) {
      note_break(piece.error());
      co_await finish_stream(pending, problem_of(piece.error(), upstream_->name), Ending::Truncated);
      co_return;
    }
    if (piece.value().empty()) break;
    std::string_view data = piece.value();
    if (!pending.empty()) {
      pending += data;
      data = pending;
    }
    out.clear();
    const bool fits = take_events(data, out);
    const std::string rest(data);
    pending = rest;
    if (!fits) {
      note_break(UpstreamFault::TooLarge);
      co_await finish_stream("", problem_of(UpstreamFault::TooLarge, upstream_->name), Ending::Truncated);
      co_return;
    }
    note_generated();
    const auto passed = vetted(out);
    if (!passed) {
      co_await finish_stream("", guard_problem(refused_by(stream_guard_->findings())), Ending::Truncated);
      co_return;
    }
    // Settled before its last event goes out, so that a caller who asks for the spend then sees it.
    if (meter_.finished) settle_stream(Ending::Ok);
    if (passed->empty()) continue;
    if (first) probe.first_event(std::chrono::duration<double>(clock.boot_now() - call_.begin).count());
    first = false;
    if (!co_await answer_.send(*passed)) gone_ = true;
  }
  if (gone_) {
    settle_stream(Ending::HungUp);
    co_return;
  }
  if (meter_.finished || meter_.failed || meter_.has_usage) {
    co_await finish_stream(pending, std::nullopt, meter_.failed ? Ending::UpstreamError : Ending::Ok);
  } else {
    note_break(UpstreamFault::Closed);
    co_await finish_stream(pending, problem_of(UpstreamFault::Closed, upstream_->name), Ending::Truncated);
  }
}

/// Sends what is left, tells the caller in-band of a fault, and ends the answer.
asio::awaitable<void> RelayJob::finish_stream(std::string_view rest, std::optional<Problem> fault, Ending ending) {
  settle_stream(ending);
  // What is cut off in the upstream's dialect says nothing in the caller's.
  // Nor can the guard judge what is no whole event.
  std::string last(translating_ || stream_guard_ ? std::string_view() : rest);
  if (translator_ && !fault && !meter_.failed) translator_->finish(last);
  if (stream_guard_) {
    std::string passed;
    const bool good = stream_guard_->pass(last, passed) && stream_guard_->finish(passed);
    last = good ? std::move(passed) : std::string();
    if (!good && !fault) fault = guard_problem(refused_by(stream_guard_->findings()));
  }
  broke_off_ = fault.has_value();
  if (fault) {
    relay_.tell_failure(call_, status_, fault->code, fault->message, true);
    // A cut event must not swallow the error that follows it.
    if (!last.empty()) last += "\n\n";
    last += codec_.error_event(*fault, call_.request_id);
  }
  if (!last.empty() && !co_await answer_.send(last)) {
    gone_ = true;
    co_return;
  }
  if (!co_await answer_.end()) gone_ = true;
}

}  // namespace swarm::gateway
