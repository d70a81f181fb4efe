#include "application/forwarded_headers.hpp"

#include <array>

#include "libs/telemetry/json_line.hpp"

namespace swarm::gateway {
namespace {

using http::equals_ignoring_case;

/// Names by length, so that most headers are passed after one comparison of numbers.
template <std::size_t N>
bool is_one_of(std::string_view name, const std::array<std::string_view, N>& list) {
  for (const std::string_view other : list) {
    if (other.size() == name.size() && equals_ignoring_case(name, other)) return true;
  }
  return false;
}

constexpr std::array<std::string_view, 10> kHop = {"connection", "keep-alive", "transfer-encoding", "content-length", "te",
                                                   "trailer", "upgrade", "proxy-connection", "proxy-authenticate",
                                                   "proxy-authorization"};
constexpr std::array<std::string_view, 9> kFromCaller = {"host", "authorization", "x-api-key", "accept-encoding", "expect",
                                                         "cookie", "traceparent", "x-request-id", "forwarded"};
constexpr std::array<std::string_view, 3> kFromUpstream = {"set-cookie", "alt-svc", "strict-transport-security"};

bool has_prefix(std::string_view name, std::string_view lower_case) {
  return name.size() >= lower_case.size() && (name.front() | 0x20) == lower_case.front() && equals_ignoring_case(name.substr(0, lower_case.size()), lower_case);
}

void append_line(std::string& lines, std::string_view name, std::string_view value) {
  lines += name;
  lines += ": ";
  lines += value;
  lines += "\r\n";
}

/// x-ratelimit-limit-requests and a duration until it is full again, or anthropic-ratelimit-requests-limit and a time.
void append_rate(std::string& lines, Dialect dialect, std::string_view kind, std::int64_t limit, std::int64_t remaining,
                 std::chrono::nanoseconds reset, WallTime now) {
  if (limit <= 0) return;
  const bool openai = dialect == Dialect::OpenAi;
  const auto line = [&](std::string_view field, const std::string& value) {
    lines += openai ? "x-ratelimit-" : "anthropic-ratelimit-";
    lines += openai ? field : kind;
    lines += '-';
    append_line(lines, openai ? kind : field, value);
  };
  line("limit", std::to_string(limit));
  line("remaining", std::to_string(remaining));
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(reset);
  line("reset", openai ? std::to_string(seconds.count()) + "s" : log::timestamp(now + seconds));
}

}  // namespace

void append_request_headers(std::string& lines, const http::Head& head) {
  for (const http::Header& header : head.headers) {
    if (is_one_of(header.name, kHop) || is_one_of(header.name, kFromCaller)) continue;
    if (has_prefix(header.name, "x-swarm-") || has_prefix(header.name, "x-forwarded-")) continue;
    append_line(lines, header.name, header.value);
  }
}

void append_foreign_headers(std::string& lines, const http::Head& head, Dialect upstream) {
  for (const http::Header& header : head.headers) {
    if (equals_ignoring_case(header.name, "user-agent") || equals_ignoring_case(header.name, "accept")) {
      append_line(lines, header.name, header.value);
    }
  }
  append_line(lines, "content-type", "application/json");
  if (upstream == Dialect::Anthropic) append_line(lines, "anthropic-version", "2023-06-01");
}

void append_response_headers(std::string& lines, const http::Head& head) {
  for (const http::Header& header : head.headers) {
    if (is_one_of(header.name, kHop) || is_one_of(header.name, kFromUpstream)) continue;
    if (has_prefix(header.name, "x-swarm-") || has_prefix(header.name, "x-ratelimit-") ||
        has_prefix(header.name, "anthropic-ratelimit-")) {
      continue;
    }
    const bool id = equals_ignoring_case(header.name, "x-request-id") || equals_ignoring_case(header.name, "request-id");
    append_line(lines, id ? std::string_view("x-upstream-request-id") : header.name, header.value);
  }
}

void append_rate_headers(std::string& lines, Dialect dialect, const RateView& rate, WallTime now) {
  append_rate(lines, dialect, "requests", rate.requests_limit, rate.requests_remaining, rate.requests_reset, now);
  append_rate(lines, dialect, "tokens", rate.tokens_limit, rate.tokens_remaining, rate.tokens_reset, now);
}

}  // namespace swarm::gateway
