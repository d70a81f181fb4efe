#pragma once

#include <grpcpp/support/server_interceptor.h>

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "libs/async/guarded.hpp"
#include "libs/audit/log.hpp"
#include "libs/auth/guard.hpp"
#include "libs/telemetry/metrics.hpp"

namespace swarm::rpc {

/// What a gRPC port writes into its audit log. The gate tells it who acts and who is denied; as an interceptor it learns what
/// was asked and how it ended, so that no handler has to do anything for it:
///   action   before the handler goes on, on the disk: who, role, team, peer, method, request
///   outcome  when the answer goes out: the action's number and the code; an action without one met the end of the process
///   denied   a call without a good token or role; at most 50 at once and one a second, the others are counted ("more")
/// Thread-safe.
class AuditTrail {
 public:
  AuditTrail(std::unique_ptr<audit::Log> log, metrics::Registry& registry, const Clock& clock);

  Result<void> acting(const grpc::ServerContextBase& context, std::string_view method, const auth::Principal& who);
  void denied(const grpc::ServerContextBase& context, std::string_view method, const Error& error);
  /// The same for a caller that does not come by gRPC.
  void denied(std::string_view peer, std::string_view what, std::string_view reason);

  void asked(const grpc::ServerContextBase& context, std::string request);
  void answered(const grpc::ServerContextBase& context, std::string_view code);

 private:
  struct Call {
    std::string request;
    std::uint64_t number = 0;  // of its action, once it is written
  };
  struct Denials {
    double left = 50;
    BootTime at{};
    std::uint64_t untold = 0;
  };
  Result<audit::Link> append(std::string_view event, audit::Fields fields, audit::Durability durability);

  std::unique_ptr<audit::Log> log_;
  metrics::Registry& registry_;
  const Clock& clock_;
  async::Guarded<std::unordered_map<const void*, Call>> calls_;  // by context; gRPC's own limits bound them
  async::Guarded<Denials> denials_;
};

/// Watches the calls of the RPCs that `table` marks as audited; the others cost nothing. Both must outlive the server.
class AuditInterceptors final : public grpc::experimental::ServerInterceptorFactoryInterface {
 public:
  AuditInterceptors(AuditTrail& trail, const auth::AccessTable& table) : trail_(trail), table_(table) {}
  grpc::experimental::Interceptor* CreateServerInterceptor(grpc::experimental::ServerRpcInfo* info) override;

 private:
  AuditTrail& trail_;
  const auth::AccessTable& table_;
};

}  // namespace swarm::rpc
