// The half of RelayJob that relays answers which are no streams.
#include <array>
#include <charconv>

#include "application/forwarded_headers.hpp"
#include "application/problems.hpp"
#include "application/relay_job.hpp"

namespace swarm::gateway {
namespace asio = boost::asio;
namespace {

/// An upstream's error status as the callers' clients know it.
ProblemKind kind_of(int status) {
  switch (status) {
    case 401: return ProblemKind::Authentication;
    case 403: return ProblemKind::Permission;
    case 404: return ProblemKind::NotFound;
    case 413: return ProblemKind::TooLarge;
    case 429: return ProblemKind::RateLimit;
    case 504: return ProblemKind::Timeout;
    default: break;
  }
  if (status == 503 || status == 529) return ProblemKind::Overloaded;
  return status >= 500 ? ProblemKind::Upstream : ProblemKind::InvalidRequest;
}

/// A number of that many digits behind its point, without a detour through floating point.
void append_fixed(std::string& out, std::int64_t value, std::size_t decimals) {
  std::array<char, 24> text;
  const auto size = [&] { return static_cast<std::size_t>(std::to_chars(text.data(), text.data() + text.size(), value).ptr - text.data()); };
  std::size_t digits = size();
  if (value < 0) {
    out += '-';
    value = -value;
    digits = size();
  }
  const std::string_view all(text.data(), digits);
  const std::size_t whole = digits > decimals ? digits - decimals : 0;
  if (whole == 0) out += '0';
  out += all.substr(0, whole);
  out += '.';
  out.append(whole == 0 ? decimals - digits : 0, '0');
  out += all.substr(whole);
}

}  // namespace

std::string RelayJob::answer_headers(std::optional<Money> cost) const {
  std::string lines;
  lines.reserve(512);
  append_own_headers(lines, call_);
  const http::Head& head = exchange_->head();
  const auto& clock = relay_.services_.admission.clock();
  const WallTime now = clock.wall_now();
  if (translating_ || head.find("date").empty()) append_date(lines, now);
  if (translating_) {
    lines += cost ? "content-type: application/json\r\n" : "content-type: text/event-stream\r\n";
    for (const char* kept : {"retry-after", "x-should-retry"}) {
      if (const auto value = head.find(kept); !value.empty()) ((lines += kept) += ": ").append(value) += "\r\n";
    }
  } else {
    append_response_headers(lines, head);
  }
  append_rate_headers(lines, call_.dialect, charge_->admitted().rate, now);
  lines += "x-swarm-upstream: ";
  lines += upstream_->name;
  const auto own = clock.boot_now() - call_.begin - at_upstreams_;
  lines += "\r\nx-swarm-overhead-ms: ";
  append_fixed(lines, std::chrono::round<std::chrono::microseconds>(own).count(), 3);
  if (cost) {
    lines += "\r\nx-swarm-cost-usd: ";
    append_fixed(lines, cost->nano, 9);
  }
  lines += "\r\n";
  return lines;
}

/// A problem: there is no answer that the caller may have; what it cost is settled.
asio::awaitable<RelayJob::Step> RelayJob::relay_whole() {
  std::string_view body;
  if (!exchange_->whole(body)) {
    const auto& clock = relay_.services_.admission.clock();
    const BootTime begin = clock.boot_now();
    auto read = co_await exchange_->read_all(relay_.options_.response_bytes_max);
    at_upstreams_ += clock.boot_now() - begin;
    if (!read) co_return give_up(read.error());
    body = read.value();
  }
  if (status_ >= 400) {
    const bool upstreams = status_ >= 500 || status_ == 429 || status_ == 401 || status_ == 403;
    relay_.tell_failure(call_, status_, "upstream_status", "upstream " + upstream_->name + " answered with " + std::to_string(status_), upstreams);
  }
  std::string refusal;
  std::string masked;
  if (guard_ != nullptr && guard_->looks_at(GuardDirection::Answer)) {
    const auto found = guard_->check(GuardDirection::Answer, body, masked);
    refusal = refused_by(found);
    note_findings("answer", found);
    charge_->found(findings_);
  }
  Money cost;
  if (status_ < 300) {
    const auto usage = reader_->usage(body, exchange_->padding());
    if (!usage) charge_->generated(body.size(), 0);
    cost = charge_->settle(Ending::Ok, status_, usage);
  } else {
    // An error costs nothing: no provider charges for one.
    cost = charge_->settle(Ending::UpstreamError, status_, Usage{});
  }
  if (!masked.empty()) body = masked;
  if (!refusal.empty()) {
    auto refused = guard_problem(refusal);
    refused.kind = ProblemKind::Upstream;  // the caller did nothing wrong
    co_return refused;
  }
  if (translating_) {
    if (!translate_body(body)) co_return give_up(UpstreamFault::Malformed);
    body = translated_;
  }
  if (cache_key_ && status_ == 200) relay_.services_.cache->put(*cache_key_, body);
  const std::string headers = answer_headers(cost);
  co_await answer_.whole(status_, headers, body);
  co_return Step();
}

/// A kept answer to the same request; and otherwise, whether this one's may be kept.
std::shared_ptr<const std::string> RelayJob::look_up() {
  AnswerCache* cache = relay_.services_.cache;
  if (cache == nullptr || scan_.stream || call_.surface == Surface::Other || call_.surface == Surface::CountTokens) return nullptr;
  const bool embeddings = scan_.size.choices == 0;
  if (!embeddings && !scan_.repeatable && !cache->any_temperature()) return nullptr;
  std::string where(call_.path);
  if (call_.head != nullptr) {
    const std::string_view control = call_.head->find("cache-control");
    if (control.find("no-store") != std::string_view::npos) return nullptr;
    for (const char* name : {"anthropic-beta", "openai-beta", "anthropic-version"}) (where += '\n').append(call_.head->find(name));
    cache_key_ = AnswerCache::key_of(who_->name, where, body_);
    if (control.find("no-cache") != std::string_view::npos) return nullptr;
  } else {
    cache_key_ = AnswerCache::key_of(who_->name, where, body_);
  }
  return cache->find(*cache_key_);
}

/// It costs nothing, but counts against the key's limits, and a dry budget refuses it.
asio::awaitable<RelayJob::Step> RelayJob::answer_from_cache(std::shared_ptr<const std::string> kept) {
  free_ = true;
  Step refused = co_await admit_in_turn();
  if (refused) co_return refused;
  charge_->moved_to("cache");
  charge_->settle(Ending::Ok, 200, Usage{});
  std::string headers;
  const WallTime now = relay_.services_.admission.clock().wall_now();
  append_own_headers(headers, call_);
  append_date(headers, now);
  headers += "content-type: application/json\r\nx-swarm-cache: hit\r\nx-swarm-cost-usd: 0\r\n";
  append_rate_headers(headers, call_.dialect, charge_->admitted().rate, now);
  status_ = 200;
  if (!gone_) co_await answer_.whole(status_, headers, *kept);
  count(status_);
  co_return Step();
}

/// The body of an answer could not be had.
RelayJob::Step RelayJob::give_up(UpstreamFault why) {
  if (!charge_->settled()) charge_->settle(gone_ ? Ending::HungUp : Ending::Truncated, status_, std::nullopt);
  if (gone_) return {};
  note_break(why);
  return problem_of(why, upstream_->name);
}

/// Into translated_; false when the answer can't be read.
bool RelayJob::translate_body(std::string_view body) {
  if (status_ < 300) {
    auto made = relay_.translation_.answer(body, upstream_->dialect, scan_.model);
    if (!made) return false;
    translated_ = std::move(made.value());
    return true;
  }
  Problem told;
  told.kind = kind_of(status_);
  told.message = relay_.translation_.error_message(body);
  if (told.message.empty()) told.message = "upstream " + upstream_->name + " answered with " + std::to_string(status_);
  status_ = http_status(told);
  translated_ = codec_.error_body(told, call_.request_id);
  return true;
}

/// OpenAI's providers count no tokens beforehand: an estimate, which says so.
asio::awaitable<void> RelayJob::answer_token_count() {
  const std::uint64_t tokens = estimated_usage(scan_.size, 0).input_total();
  std::string headers;
  append_own_headers(headers, call_);
  append_date(headers, relay_.services_.admission.clock().wall_now());
  headers += "content-type: application/json\r\nx-swarm-estimated: true\r\n";
  const std::string body = "{\"input_tokens\":" + std::to_string(tokens) + "}";
  co_await answer_.whole(200, headers, body);
  status_ = 200;
  count(status_);
}

}  // namespace swarm::gateway
