#include "session.hpp"

#include "libs/rpc/channel.hpp"

namespace swarm::ctl {

Session::Session(std::ostream& out_stream, std::ostream& err_stream, Terminal output_terminal)
    : out(out_stream), err(err_stream), terminal(output_terminal) {
  for (const Peer peer : kPeers) {
    addresses[static_cast<std::size_t>(peer)] = facts(peer).address;
    admin_addresses[static_cast<std::size_t>(peer)] = facts(peer).admin_address;
  }
}

const std::shared_ptr<grpc::Channel>& Session::channel(Peer peer) {
  auto& channel = channels_[static_cast<std::size_t>(peer)];
  if (!channel) channel = rpc::connect(address(peer));
  return channel;
}

void Session::prepare(grpc::ClientContext& context, bool with_deadline) {
  context.AddMetadata("traceparent", trace_.child().traceparent());
  if (!with_deadline) return;
  const auto wait = gpr_time_from_millis(timeout.count(), GPR_TIMESPAN);
  context.set_deadline(gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), wait));
}

CallSite Session::site(Peer peer) const { return {peer, address(peer), timeout, trace_.trace_id_text()}; }

void Session::fail(std::string_view what, Peer peer, const Error& error) {
  err << "swarmctl: " << what << ": " << explain(error, site(peer)) << std::endl;
  exit_code = 1;
}

void Session::refuse(std::string_view what, std::string_view why) {
  err << "swarmctl: " << what << ": " << why << std::endl;
  exit_code = 2;
}

}  // namespace swarm::ctl
