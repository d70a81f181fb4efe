#include "session.hpp"

#include "libs/rpc/channel.hpp"
#include "libs/rpc/server.hpp"

namespace swarm::ctl {
namespace {

constexpr int kMessageBytesMax = 16 << 20;

}  // namespace

Session::Session(std::ostream& out_stream, std::ostream& err_stream, Terminal output_terminal)
    : out(out_stream), err(err_stream), terminal(output_terminal) {
  for (const Peer peer : kPeers) {
    addresses[static_cast<std::size_t>(peer)] = facts(peer).address;
    admin_addresses[static_cast<std::size_t>(peer)] = facts(peer).admin_address;
  }
}

Result<void> Session::open() {
  BOOST_OUTCOME_TRY(access_, open_access(access_options, clock));
  if (access_.authorization.empty() || access_.tls()) return outcome::success();
  for (const std::string& address : addresses) {
    if (rpc::is_loopback(address)) continue;
    return Error{Code::InvalidArgument, "a token must not go to " + address + " without TLS; give --ca-file"};
  }
  return outcome::success();
}

const std::shared_ptr<grpc::Channel>& Session::channel(Peer peer) {
  auto& channel = channels_[static_cast<std::size_t>(peer)];
  if (!channel) channel = rpc::connect(address(peer), access_.credentials, kMessageBytesMax, access_.server_name);
  return channel;
}

void Session::prepare(grpc::ClientContext& context, bool with_deadline) {
  context.AddMetadata("traceparent", trace_.child().traceparent());
  if (!access_.authorization.empty()) context.AddMetadata("authorization", access_.authorization);
  if (!with_deadline) return;
  const auto wait = gpr_time_from_millis(timeout.count(), GPR_TIMESPAN);
  context.set_deadline(gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), wait));
}

CallSite Session::site(Peer peer) const { return {peer, address(peer), timeout, trace_.trace_id_text(), uses_tls()}; }

void Session::fail(std::string_view what, Peer peer, const Error& error) {
  err << "swarmctl: " << what << ": " << explain(error, site(peer)) << std::endl;
  exit_code = 1;
}

void Session::refuse(std::string_view what, std::string_view why) {
  err << "swarmctl: " << what << ": " << why << std::endl;
  exit_code = 2;
}

}  // namespace swarm::ctl
