#include "application/problems.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

namespace swarm::gateway {
namespace {

std::string dollars(Money money) {
  std::array<char, 32> text;
  const int n = std::snprintf(text.data(), text.size(), "$%.6f", money.usd());
  return std::string(text.data(), static_cast<std::size_t>(std::max(n, 0)));
}

std::string period(WindowKind window) {
  return window == WindowKind::Total ? std::string() : " this " + std::string(name(window));
}

std::string_view what(RateReason reason) {
  switch (reason) {
    case RateReason::Requests: return "requests a minute";
    case RateReason::Tokens: return "tokens a minute";
    case RateReason::Parallel: return "requests at a time";
    case RateReason::None: break;
  }
  return "use";
}

std::int64_t seconds_until(WallTime time, WallTime now) {
  if (time == WallTime::max()) return 0;
  return std::max<std::int64_t>(1, std::chrono::ceil<std::chrono::seconds>(time - now).count());
}

}  // namespace

Problem problem_of(const Refusal& refusal, WallTime now) {
  Problem problem;
  problem.kind = ProblemKind::Quota;
  const std::string where = "budget " + refusal.scope;
  const std::string state = ": " + dollars(refusal.spent) + " of " + dollars(refusal.limit) + " spent" + period(refusal.window);
  switch (refusal.reason) {
    case RefusalReason::Exhausted:
      problem.message = where + " can't pay for this request" + state;
      problem.retry_after = seconds_until(refusal.resets, now);
      break;
    case RefusalReason::Protected:
      problem.message = where + " keeps its last 5 % for keys with priority" + state;
      problem.retry_after = seconds_until(refusal.resets, now);
      break;
    case RefusalReason::NoCeiling:
      problem.message = where + " is strict and nothing bounds this request's cost: max_tokens, or max_output_tokens of the model, bounds an answer; "
                                "max_input_tokens of the model a conversation or file that the provider keeps; nothing the tools that it runs itself";
      break;
    case RefusalReason::Busy:
      problem.kind = ProblemKind::RateLimit;
      problem.code = "budget_busy";
      problem.message = where + " is held by requests in flight" + state + "; try again when they have ended";
      problem.retry_after = 1;
      problem.retry = true;
      break;
    case RefusalReason::Rate:
      problem.kind = ProblemKind::RateLimit;
      problem.message = refusal.scope + " has reached its limit of " + std::string(what(refusal.rate)) + "; try again later";
      problem.retry_after = std::max<std::int64_t>(1, std::chrono::ceil<std::chrono::seconds>(refusal.rate_wait).count());
      problem.retry = true;
      break;
    case RefusalReason::NotDurable:
      problem.kind = ProblemKind::Overloaded;
      problem.code = "spend_not_durable";
      problem.message = "spend can't be made durable at present; try again later";
      problem.retry_after = 1;
      problem.retry = true;
      break;
    case RefusalReason::TooMany:
      problem.kind = ProblemKind::Overloaded;
      problem.message = "too many requests or task budgets in use; try again later";
      problem.retry_after = 1;
      problem.retry = true;
      break;
  }
  return problem;
}

Problem problem_of(UpstreamFault fault, const std::string& upstream) {
  Problem problem;
  problem.kind = fault == UpstreamFault::Timeout ? ProblemKind::Timeout : ProblemKind::Upstream;
  problem.code = "upstream_" + std::string(name(fault));
  switch (fault) {
    case UpstreamFault::Connect: problem.message = "upstream " + upstream + " can't be reached"; break;
    case UpstreamFault::Timeout: problem.message = "upstream " + upstream + " did not answer in time"; break;
    case UpstreamFault::Closed: problem.message = "upstream " + upstream + " closed the connection before its answer was complete"; break;
    case UpstreamFault::Malformed: problem.message = "upstream " + upstream + " sent something that is not HTTP"; break;
    case UpstreamFault::TooLarge: problem.message = "upstream " + upstream + " sent an answer larger than allowed"; break;
    case UpstreamFault::Cancelled: problem.message = "the request was cancelled"; break;
  }
  problem.retry = fault == UpstreamFault::Connect || fault == UpstreamFault::Timeout;
  return problem;
}

}  // namespace swarm::gateway
