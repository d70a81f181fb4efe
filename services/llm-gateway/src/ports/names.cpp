#include "ports/spend_journal.hpp"
#include "ports/upstream.hpp"

namespace swarm::gateway {

std::string_view name(UpstreamFault fault) {
  switch (fault) {
    case UpstreamFault::Connect: return "connect";
    case UpstreamFault::Closed: return "closed";
    case UpstreamFault::Timeout: return "timeout";
    case UpstreamFault::Malformed: return "malformed";
    case UpstreamFault::TooLarge: return "too_large";
    case UpstreamFault::Cancelled: return "cancelled";
  }
  return "unknown";
}

std::string_view name(Ending ending) {
  switch (ending) {
    case Ending::Ok: return "ok";
    case Ending::UpstreamError: return "upstream_error";
    case Ending::Truncated: return "truncated";
    case Ending::HungUp: return "hung_up";
    case Ending::TimedOut: return "timed_out";
    case Ending::Adjustment: return "adjustment";
    case Ending::UnknownCrash: return "unknown_crash";
    case Ending::Abandoned: return "abandoned";
    case Ending::Override: return "override";
  }
  return "unknown";
}

}  // namespace swarm::gateway
