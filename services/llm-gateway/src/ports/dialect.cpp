#include "ports/dialect.hpp"

namespace swarm::gateway {

int http_status(const Problem& problem) {
  if (problem.status != 0) return problem.status;
  switch (problem.kind) {
    case ProblemKind::InvalidRequest: return 400;
    case ProblemKind::Authentication: return 401;
    case ProblemKind::Permission: return 403;
    case ProblemKind::NotFound: return 404;
    case ProblemKind::MethodNotAllowed: return 405;
    case ProblemKind::TooLarge: return 413;
    case ProblemKind::RateLimit: return 429;
    case ProblemKind::Quota: return 429;
    case ProblemKind::Overloaded: return 503;
    case ProblemKind::Upstream: return 502;
    case ProblemKind::Timeout: return 504;
  }
  return 500;
}

std::string_view name(ProblemKind kind) {
  switch (kind) {
    case ProblemKind::InvalidRequest: return "invalid_request";
    case ProblemKind::Authentication: return "authentication";
    case ProblemKind::Permission: return "permission";
    case ProblemKind::NotFound: return "not_found";
    case ProblemKind::MethodNotAllowed: return "method_not_allowed";
    case ProblemKind::TooLarge: return "too_large";
    case ProblemKind::RateLimit: return "rate_limit";
    case ProblemKind::Quota: return "insufficient_quota";
    case ProblemKind::Overloaded: return "overloaded";
    case ProblemKind::Upstream: return "upstream_error";
    case ProblemKind::Timeout: return "timeout";
  }
  return "unknown";
}

}  // namespace swarm::gateway
