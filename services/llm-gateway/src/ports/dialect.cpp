#include "ports/dialect.hpp"

namespace swarm::gateway {

int http_status(ProblemKind kind) {
  switch (kind) {
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

}  // namespace swarm::gateway
