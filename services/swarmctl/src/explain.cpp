#include "explain.hpp"

#include "output/format.hpp"
#include "output/printable.hpp"

namespace swarm::ctl {
namespace {

bool never_reached(const std::string& message) {
  return message.find("failed to connect") != std::string::npos || message.find("DNS resolution") != std::string::npos;
}

/// A server that speaks TLS hangs up on one who does not, and the other way round.
std::string remedy(const std::string& cause, const CallSite& site) {
  const PeerFacts& peer = facts(site.peer);
  if (site.tls && (cause == "certificate verify failed" || cause == "Ssl handshake failed" ||
                   cause.find("not in peer certificate") != std::string::npos)) {
    return "does its certificate come from --ca-file and name this host (else give --server-name)? Does it want a "
           "--cert-file?";
  }
  if (!site.tls && (cause == "Socket closed" || cause == "Connection reset")) return "it may want TLS: give --ca-file";
  return "start " + std::string(peer.program) + ", or give " + std::string(peer.flag) + " ADDRESS";
}

std::string unavailable(const Error& error, const CallSite& site, const std::string& place) {
  const std::string cause = short_cause(error.message);
  if (!never_reached(error.message) && cause == error.message) {
    return place + " is not ready: " + cause + "; try again, and see swarmctl doctor";
  }
  return "can't reach " + place + " (" + cause + "); " + remedy(cause, site);
}

}  // namespace

std::string short_cause(const std::string& message) {
  for (const char* known : {"Connection refused", "No route to host", "Network is unreachable", "Connection reset",
                            "Timeout occurred", "DNS resolution failed", "certificate verify failed",
                            "Ssl handshake failed", "Socket closed"}) {
    if (message.find(known) != std::string::npos) return known;
  }
  const auto name_at = message.find("Peer name ");
  if (name_at != std::string::npos) return message.substr(name_at, message.find_last_not_of(')') + 1 - name_at);
  return message;
}

std::string explain(const Error& error, const CallSite& site) {
  const std::string who = "the " + std::string(facts(site.peer).name);
  const std::string place = who + " at " + site.address;
  const std::string said = place + " says: " + error.message + " (" + std::string(name(error.code)) + ")";
  std::string line = said;
  switch (error.code) {
    case Code::Unavailable: line = unavailable(error, site, place); break;
    case Code::DeadlineExceeded:
      line = place + " gave no answer within " + duration(site.timeout) +
             "; it may have acted all the same, look before you repeat, or give a longer --timeout";
      break;
    case Code::Unimplemented:
      line = place + " does not know this call: another server, or another version; see swarmctl doctor";
      break;
    case Code::Unauthenticated: line = said + "; credentials are missing or expired"; break;
    case Code::PermissionDenied: line = said + "; these credentials do not allow it"; break;
    case Code::ResourceExhausted: line = said + "; try again later"; break;
    case Code::Internal:
    case Code::Unknown:
    case Code::DataLoss:
      line = said + "; look for trace_id " + site.trace_id + " in its log";
      break;
    default: break;
  }
  return one_line(line);
}

std::string explain_briefly(const Error& error, const CallSite& site) {
  if (error.code == Code::Unavailable && never_reached(error.message)) {
    return "can't be reached (" + one_line(short_cause(error.message)) + ")";
  }
  if (error.code == Code::DeadlineExceeded) return "no answer within " + duration(site.timeout);
  return one_line(error.message) + " (" + std::string(name(error.code)) + ")";
}

}  // namespace swarm::ctl
