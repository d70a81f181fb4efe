#include "libs/rpc/chttp2_filter.hpp"

#include <absl/status/status.h>
#include <grpc/slice.h>

#include <array>
#include <atomic>
#include <unordered_map>

#include "libs/async/guarded.hpp"
#include "libs/rpc/frame_limits.hpp"
#include "libs/rpc/replaced_function.hpp"
#include "libs/telemetry/line_quota.hpp"
#include "libs/telemetry/logging.hpp"

// Private types of libgrpc; only their addresses are used here.
struct grpc_chttp2_transport;
struct grpc_closure;
struct grpc_transport;
struct grpc_stream_refcount;
namespace grpc_core {
class Arena;
}

namespace swarm::rpc {
namespace {

constexpr const char* kRead = "_Z24grpc_chttp2_perform_readP21grpc_chttp2_transportRK10grpc_slice";
constexpr const char* kStart = "_Z35grpc_chttp2_transport_start_readingP14grpc_transportP17grpc_slice_bufferP12grpc_closureS4_";
constexpr const char* kEnd = "_ZN21grpc_chttp2_transportD1Ev";

constexpr const char* kStreamStart =
    "_ZN18grpc_chttp2_streamC1EP21grpc_chttp2_transportP20grpc_stream_refcountPKvPN9grpc_core5ArenaE";
constexpr const char* kStreamEnd = "_ZN18grpc_chttp2_streamD1Ev";

// A stream that was opened and reset at once takes about 14 kB until gRPC has got round to ending it (measured).
constexpr std::int64_t kStreamsMax = 15'000;

std::atomic<std::uint64_t> broken_off{0};
std::atomic<std::int64_t> streams_alive{0};

/// FrameLimits by connection. gRPC parses a connection on one thread at a time, so the lock is only for the table; an
/// element of an unordered_map stays where it is.
class Connections {
 public:
  void open(const void* transport) {
    shard(transport).with([&](Map& map) { map.insert_or_assign(transport, FrameLimits()); });
  }
  void close(const void* transport) {
    shard(transport).with([&](Map& map) { map.erase(transport); });
  }
  FrameLimits* find(const void* transport) {
    return shard(transport).with([&](Map& map) -> FrameLimits* {
      const auto found = map.find(transport);
      return found == map.end() ? nullptr : &found->second;
    });
  }

 private:
  using Map = std::unordered_map<const void*, FrameLimits>;
  async::Guarded<Map>& shard(const void* transport) {
    return shards_[(reinterpret_cast<std::uintptr_t>(transport) >> 12) % shards_.size()];
  }
  std::array<async::Guarded<Map>, 16> shards_;
};

Connections& connections() {
  static auto* const all = new Connections;  // never destroyed: gRPC's threads may outlive main
  return *all;
}

bool under_pressure() { return streams_alive.load(std::memory_order_relaxed) > kStreamsMax; }

void tell_foreign() {
  static log::LineQuota quota(20);
  if (const auto withheld = quota.take()) {
    log::warn("refused a gRPC connection", {{"reason", "the peer speaks no HTTP/2: is it HTTP/1.1, or TLS on a plain port?"},
                                            {"lines_withheld", *withheld}});
  }
}

}  // namespace

bool frame_filter_active() { return function_is_replaced(kRead); }

std::uint64_t connections_broken_off() { return broken_off.load(std::memory_order_relaxed); }

std::int64_t streams_open() { return streams_alive.load(std::memory_order_relaxed); }

}  // namespace swarm::rpc

using swarm::rpc::connections;
using swarm::rpc::replaced_function;

SWARM_REPLACES absl::Status grpc_chttp2_perform_read(grpc_chttp2_transport* transport, const grpc_slice& slice) {
  static auto* const next = replaced_function<absl::Status(grpc_chttp2_transport*, const grpc_slice&)>(swarm::rpc::kRead);
  if (auto* limits = connections().find(transport); limits != nullptr) {
    const std::span<const std::uint8_t> bytes(GRPC_SLICE_START_PTR(slice), GRPC_SLICE_LENGTH(slice));
    const bool known_foreign = limits->foreign();
    const auto violation = limits->scan(bytes, swarm::SystemClock().boot_now(), swarm::rpc::under_pressure());
    if (limits->foreign() && !known_foreign) swarm::rpc::tell_foreign();
    if (!violation.empty()) {
      swarm::rpc::broken_off.fetch_add(1, std::memory_order_relaxed);
      swarm::log::warn("closed a gRPC connection", {{"reason", std::string("the client ") + std::string(violation)}});
      return absl::ResourceExhaustedError("the client floods this connection");
    }
  }
  return next(transport, slice);
}

SWARM_REPLACES void grpc_chttp2_transport_start_reading(grpc_transport* transport, grpc_slice_buffer* read_already,
                                                        grpc_closure* on_settings, grpc_closure* on_close) {
  static auto* const next =
      replaced_function<void(grpc_transport*, grpc_slice_buffer*, grpc_closure*, grpc_closure*)>(swarm::rpc::kStart);
  connections().open(transport);
  next(transport, read_already, on_settings, on_close);
}

extern "C" SWARM_REPLACES void swarm_chttp2_transport_ends(void* transport) __asm__("_ZN21grpc_chttp2_transportD1Ev");
void swarm_chttp2_transport_ends(void* transport) {
  static auto* const next = replaced_function<void(void*)>(swarm::rpc::kEnd);
  connections().close(transport);
  next(transport);
}

extern "C" SWARM_REPLACES void swarm_chttp2_stream_starts(void* stream, grpc_chttp2_transport* transport,
                                                          grpc_stream_refcount* references, const void* server_data,
                                                          grpc_core::Arena* arena)
    __asm__("_ZN18grpc_chttp2_streamC1EP21grpc_chttp2_transportP20grpc_stream_refcountPKvPN9grpc_core5ArenaE");
void swarm_chttp2_stream_starts(void* stream, grpc_chttp2_transport* transport, grpc_stream_refcount* references,
                                const void* server_data, grpc_core::Arena* arena) {
  static auto* const next = replaced_function<void(void*, grpc_chttp2_transport*, grpc_stream_refcount*, const void*,
                                         grpc_core::Arena*)>(swarm::rpc::kStreamStart);
  swarm::rpc::streams_alive.fetch_add(1, std::memory_order_relaxed);
  next(stream, transport, references, server_data, arena);
}

extern "C" SWARM_REPLACES void swarm_chttp2_stream_ends(void* stream) __asm__("_ZN18grpc_chttp2_streamD1Ev");
void swarm_chttp2_stream_ends(void* stream) {
  static auto* const next = replaced_function<void(void*)>(swarm::rpc::kStreamEnd);
  next(stream);
  swarm::rpc::streams_alive.fetch_sub(1, std::memory_order_relaxed);
}
