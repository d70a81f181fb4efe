#include "doctor/health.hpp"

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/byte_buffer.h>

#include <future>

#include "libs/rpc/status.hpp"

namespace swarm::ctl {
namespace {

constexpr const char* kMethod = "/grpc.health.v1.Health/Check";
// HealthCheckResponse { status = 1: SERVING } on the wire. Debian ships no generated code for this proto, and three
// bytes need none; nor does HealthCheckRequest { service = 1 }.
constexpr std::string_view kServing("\x08\x01", 2);

std::string bytes_of(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  std::string out;
  if (!buffer.Dump(&slices).ok()) return out;
  for (const grpc::Slice& slice : slices) out.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  return out;
}

}  // namespace

Result<bool> is_serving(Session& session, Peer peer, std::chrono::milliseconds timeout) {
  grpc::ClientContext context;
  session.prepare(context, false);
  const auto wait = gpr_time_from_millis(timeout.count(), GPR_TIMESPAN);
  context.set_deadline(gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), wait));
  const std::string_view service = facts(peer).service;
  const grpc::Slice question("\x0a" + std::string(1, static_cast<char>(service.size())) + std::string(service));
  grpc::ByteBuffer request(&question, 1);
  grpc::ByteBuffer response;
  std::promise<grpc::Status> done;
  grpc::GenericStub stub(session.channel(peer));
  stub.UnaryCall(&context, kMethod, grpc::StubOptions(), &request, &response,
                 [&done](grpc::Status status) { done.set_value(std::move(status)); });
  const grpc::Status status = done.get_future().get();
  if (!status.ok()) return rpc::from_status(status);
  return bytes_of(response) == kServing;
}

}  // namespace swarm::ctl
