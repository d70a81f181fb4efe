#include "libs/rpc/frame_limits.hpp"

#include <algorithm>

namespace swarm::rpc {
namespace {

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

enum Type : std::uint8_t { kData, kHeaders, kPriority, kReset, kSettings, kPush, kPing, kGoAway, kWindowUpdate, kContinuation };

constexpr std::uint8_t kEndStream = 0x1;
constexpr std::uint8_t kEndHeaders = 0x4;

}  // namespace

bool FrameLimits::Bucket::take(double burst, double per_second, BootTime now) {
  if (now > at_) {
    const std::chrono::duration<double> passed = now - at_;
    left_ = std::min(burst, left_ + passed.count() * per_second);
    at_ = now;
  }
  left_ -= 1;
  return left_ >= 0;
}

std::string_view FrameLimits::scan(std::span<const std::uint8_t> bytes, BootTime now, bool pressure) {
  while (!bytes.empty()) {
    switch (state_) {
      case State::NotAServer:
      case State::Foreign:
        return {};
      case State::Start:
        // A server's first frame is SETTINGS, whose first byte is 0: then this is a connection of our own to a peer.
        state_ = bytes.front() == 0 ? State::NotAServer : State::Preface;
        break;
      case State::Preface: {
        const auto n = std::min(bytes.size(), kPreface.size() - filled_);
        if (!std::equal(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(n), kPreface.begin() + filled_)) {
          state_ = State::Foreign;
          return {};
        }
        filled_ = static_cast<std::uint8_t>(filled_ + n);
        bytes = bytes.subspan(n);
        if (filled_ == kPreface.size()) {
          state_ = State::Header;
          filled_ = 0;
        }
        break;
      }
      case State::Header: {
        const auto n = std::min(bytes.size(), header_.size() - filled_);
        std::copy_n(bytes.begin(), n, header_.begin() + filled_);
        filled_ = static_cast<std::uint8_t>(filled_ + n);
        bytes = bytes.subspan(n);
        if (filled_ < header_.size()) return {};
        filled_ = 0;
        if (const auto violation = begin_frame(now, pressure); !violation.empty()) return violation;
        state_ = payload_left_ == 0 ? State::Header : State::Payload;
        break;
      }
      case State::Payload: {
        const auto n = std::min<std::size_t>(bytes.size(), payload_left_);
        payload_left_ -= static_cast<std::uint32_t>(n);
        bytes = bytes.subspan(n);
        if (payload_left_ == 0) state_ = State::Header;
        break;
      }
    }
  }
  return {};
}

std::string_view FrameLimits::begin_frame(BootTime now, bool pressure) {
  const auto length = static_cast<std::uint32_t>(header_[0] << 16 | header_[1] << 8 | header_[2]);
  const auto type = header_[3];
  const auto flags = header_[4];
  payload_left_ = length;
  switch (type) {
    case kHeaders:
      if (pressure && !opens_.take(kOpensUnderPressureBurst, kOpensUnderPressurePerSecond, now)) {
        return "opens streams faster than they end";
      }
      [[fallthrough]];
    case kContinuation:
      return header_frame(length, type == kContinuation, (flags & kEndHeaders) != 0);
    case kReset:
      return resets_.take(kResetsBurst, kResetsPerSecond, now) ? std::string_view() : "resets too many streams";
    case kWindowUpdate:
      return {};  // in proportion to what we send
    case kData:
      if (length > 0 || (flags & kEndStream) != 0) return {};
      break;
    default:
      break;
  }
  return controls_.take(kControlsBurst, kControlsPerSecond, now) ? std::string_view() : "sends too many control frames";
}

std::string_view FrameLimits::header_frame(std::uint32_t length, bool continuation, bool last) {
  if (continuation) {
    if (++continuations_ > kContinuationsMax) return "continues its headers too often";
  } else {
    block_bytes_ = 0;
    continuations_ = 0;
  }
  block_bytes_ += length;
  if (block_bytes_ > kHeaderBlockBytesMax) return "sends too large headers";
  if (last) continuations_ = 0;
  return {};
}

}  // namespace swarm::rpc
