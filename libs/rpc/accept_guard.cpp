#include "libs/rpc/accept_guard.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <mutex>
#include <optional>

#include "libs/rpc/peer_counts.hpp"
#include "libs/telemetry/logging.hpp"

namespace swarm::rpc {
namespace {

// Descriptors are given out lowest first, so a number at or above this one means that so many are in use.
std::atomic<int> highest_served{1 << 30};
std::atomic<std::uint64_t> shed{0};

std::mutex spare_mutex;
int spare = -1;

void open_spare() {
  if (spare < 0) spare = ::open("/", O_PATH | O_CLOEXEC);
}

/// Null until there are limits.
std::mutex peers_mutex;
std::optional<PeerCounts> peers;
bool loopback_counts = false;

/// Is the descriptor still the connection from there?
bool still_there(int descriptor, const Peer& peer) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  if (::getpeername(descriptor, reinterpret_cast<sockaddr*>(&address), &length) != 0) return false;
  const auto now = peer_of(reinterpret_cast<const sockaddr*>(&address));
  return now && now->address == peer.address;
}

/// Whether limits let the new connection stay.
bool within_limits(int connection) {
  std::lock_guard lock(peers_mutex);
  if (!peers) return true;
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  if (::getpeername(connection, reinterpret_cast<sockaddr*>(&address), &length) != 0) return true;  // gone already; gRPC will see
  auto peer = peer_of(reinterpret_cast<const sockaddr*>(&address));
  if (!peer) return true;
  if (peer->loopback() && !loopback_counts) peer = peer->alone();
  return peers->admit(connection, *peer, SystemClock().boot_now());
}

int system_accept4(int listener, sockaddr* address, socklen_t* length, int flags) {
  return static_cast<int>(::syscall(SYS_accept4, listener, address, length, flags));
}

bool out_of_descriptors(int error) { return error == EMFILE || error == ENFILE; }

/// A reset, so that the shed connection leaves nothing behind on this side.
void close_at_once(int connection) {
  const linger now{1, 0};
  ::setsockopt(connection, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  ::close(connection);
}

void count_shed() {
  // One line for the first and then for each ten thousandth: a flood must not flood the log.
  if (shed.fetch_add(1, std::memory_order_relaxed) % 10'000 == 0) {
    log::warn("shedding connections: too many are open, in all or from one peer", {{"open_max", highest_served.load(std::memory_order_relaxed)}});
  }
}

/// Takes the next connection with the spare descriptor and closes it. False when there is none to take.
bool shed_next(int listener) {
  std::lock_guard lock(spare_mutex);
  if (spare >= 0) {
    ::close(spare);
    spare = -1;
  }
  const int connection = system_accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  const bool taken = connection >= 0;
  if (taken) close_at_once(connection);
  open_spare();
  return taken;
}

}  // namespace

void guard_accept(std::uint64_t descriptors_max, std::uint64_t reserve) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, std::max<rlim_t>(limit.rlim_cur, descriptors_max));
  ::setrlimit(RLIMIT_NOFILE, &limit);
  const auto allowed = std::min<std::uint64_t>(limit.rlim_cur, descriptors_max);
  const auto kept = std::min(reserve, allowed / 4);
  highest_served = static_cast<int>(allowed - kept);
  std::lock_guard lock(spare_mutex);
  open_spare();
}

void limit_connections(std::uint64_t max, std::uint64_t per_peer_max, bool loopback_too) {
  std::lock_guard lock(peers_mutex);
  loopback_counts = loopback_too;
  peers.reset();
  if (max > 0 || per_peer_max > 0) peers.emplace(PeerCounts::Limits{max, per_peer_max}, still_there);
}

std::uint64_t connections_shed() { return shed.load(std::memory_order_relaxed); }

}  // namespace swarm::rpc

/// Before the C library's own in the order of the dynamic linker, so gRPC calls this one.
extern "C" __attribute__((visibility("default"), used)) int accept4(int listener, sockaddr* address, socklen_t* length,
                                                                    int flags) {
  using namespace swarm::rpc;
  // The backlog bounds the loop; this number bounds it against a flood that is faster than we are.
  for (int tries = 0; tries < 4096; ++tries) {
    const int connection = system_accept4(listener, address, length, flags);
    if (connection >= 0) {
      if (connection < highest_served.load(std::memory_order_relaxed) && within_limits(connection)) return connection;
      close_at_once(connection);
      count_shed();
    } else if (out_of_descriptors(errno)) {
      if (!shed_next(listener)) break;
      count_shed();
    } else {
      return -1;
    }
  }
  errno = EAGAIN;
  return -1;
}
