#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "libs/base/clock.hpp"

namespace swarm::rpc {

/// Looks at the frames of one HTTP/2 connection as they come from a client, and says when they are an attack rather
/// than traffic: endless header blocks (CONTINUATION flood, HPACK bombs), rapid resets, floods of control frames. Sees
/// frame headers only, holds 64 bytes, decodes nothing. Not thread-safe; time is an argument.
class FrameLimits {
 public:
  static constexpr std::uint32_t kHeaderBlockBytesMax = 64 * 1024;
  static constexpr std::uint32_t kContinuationsMax = 16;
  // A client that has many calls in flight and goes away may reset them all at once.
  static constexpr double kResetsBurst = 2000;
  static constexpr double kResetsPerSecond = 200;
  // Frames that cost the server an answer or some work and carry no call: SETTINGS, PING, PRIORITY, empty DATA, empty
  // WINDOW_UPDATE, frames of unknown type.
  static constexpr double kControlsBurst = 1000;
  static constexpr double kControlsPerSecond = 200;

  // Streams that one connection may open while the process as a whole holds too many.
  static constexpr double kOpensUnderPressureBurst = 256;
  static constexpr double kOpensUnderPressurePerSecond = 100;

  /// Empty, or what the client did. After a violation the connection must be closed. `pressure` says that the process
  /// holds more streams than it should.
  std::string_view scan(std::span<const std::uint8_t> bytes, BootTime now, bool pressure);
  /// What came is no HTTP/2 at all, e.g. a browser's request or a TLS greeting on a plain port. gRPC ends such a connection.
  bool foreign() const { return state_ == State::Foreign; }

 private:
  /// So many at once, so many a second.
  class Bucket {
   public:
    explicit Bucket(double burst) : left_(burst) {}
    bool take(double burst, double per_second, BootTime now);

   private:
    double left_;
    BootTime at_{};
  };
  enum class State : std::uint8_t { Start, Preface, Header, Payload, NotAServer, Foreign };

  std::string_view begin_frame(BootTime now, bool pressure);
  std::string_view header_frame(std::uint32_t length, bool continuation, bool last);

  State state_ = State::Start;
  std::uint8_t filled_ = 0;            // bytes of the preface or of a frame header seen so far
  std::array<std::uint8_t, 9> header_{};
  std::uint32_t payload_left_ = 0;
  std::uint32_t block_bytes_ = 0;      // of the header block that is open
  std::uint32_t continuations_ = 0;
  Bucket resets_{kResetsBurst};
  Bucket controls_{kControlsBurst};
  Bucket opens_{kOpensUnderPressureBurst};
};

}  // namespace swarm::rpc
