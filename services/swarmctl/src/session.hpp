#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <array>
#include <chrono>
#include <memory>
#include <ostream>
#include <string>

#include "access.hpp"
#include "explain.hpp"
#include "libs/base/clock.hpp"
#include "libs/base/result.hpp"
#include "libs/telemetry/trace.hpp"
#include "output/json.hpp"
#include "output/terminal.hpp"
#include "peer.hpp"

namespace swarm::ctl {

/// One run of the program: its global flags, where its output goes and how it ended. Not thread-safe.
class Session {
 public:
  Session(std::ostream& out_stream, std::ostream& err_stream, Terminal output_terminal);

  std::ostream& out;
  std::ostream& err;
  Terminal terminal;
  SystemClock clock;
  bool json = false;
  std::chrono::milliseconds timeout{10'000};
  std::array<std::string, 3> addresses;        // by Peer
  std::array<std::string, 3> admin_addresses;  // by Peer
  AccessOptions access_options;
  int exit_code = 0;

  /// Reads the files that access_options name. Before the first call.
  Result<void> open();

  const std::string& address(Peer peer) const { return addresses[static_cast<std::size_t>(peer)]; }
  const std::string& admin_address(Peer peer) const { return admin_addresses[static_cast<std::size_t>(peer)]; }
  /// Connects lazily; one channel per peer and run.
  const std::shared_ptr<grpc::Channel>& channel(Peer peer);
  bool uses_tls() const { return access_.tls(); }
  /// Gives the context its trace and its token; and, if asked for, the deadline.
  void prepare(grpc::ClientContext& context, bool with_deadline = true);
  CallSite site(Peer peer) const;

  /// Prints the one line that says why `what` failed, and makes the exit code 1.
  void fail(std::string_view what, Peer peer, const Error& error);
  /// A fault of the arguments that is only found after parsing: exit code 2.
  void refuse(std::string_view what, std::string_view why);
  void print_json(const google::protobuf::Message& message) { out << to_json(message) << std::endl; }

 private:
  Access access_;
  std::array<std::shared_ptr<grpc::Channel>, 3> channels_;
  trace::Context trace_ = trace::start();
};

}  // namespace swarm::ctl
