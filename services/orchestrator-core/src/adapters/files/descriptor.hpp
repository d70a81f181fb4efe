#pragma once

#include <unistd.h>

#include <filesystem>
#include <string>
#include <utility>

#include "libs/base/result.hpp"

namespace swarm::orchestrator::files {

/// Owns an open file.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_;
};

/// What the system's error means to whoever uploads. ResourceExhausted: full or locked.
Error fault(const std::string& what, int error);
Result<void> sync_folder(const std::filesystem::path& folder);
/// Durable when it returns. No error when it is there.
Result<void> make_folder(const std::filesystem::path& folder);

}  // namespace swarm::orchestrator::files
