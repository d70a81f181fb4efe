#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "libs/base/result.hpp"

namespace swarm::orchestrator {

/// A file on its way in. Dropped without keep(), what has come stays for a while, to be gone on with; after an error of
/// write(), or when other bytes came than were announced, nothing is left. One thread at a time.
class IncomingFile {
 public:
  virtual ~IncomingFile() = default;
  /// InvalidArgument: more than was announced. ResourceExhausted: the disk is full.
  virtual Result<void> write(std::string_view bytes) = 0;
  /// On the disk, also after a crash, when it returns. InvalidArgument: these are not the bytes that were announced, or
  /// not all of them.
  virtual Result<void> keep() = 0;
  /// Nothing of it is to be left.
  virtual void discard() = 0;
};

/// A file that is read from the beginning or from anywhere. It stays readable when it is removed meanwhile. One thread at a time.
class OutgoingFile {
 public:
  virtual ~OutgoingFile() = default;
  virtual std::uint64_t size() const = 0;
  /// Fills `out` from there on as far as the file goes. DataLoss: it can't be read.
  virtual Result<std::size_t> read(std::uint64_t offset, std::string& out) const = 0;
};

/// Port: the bytes of artefacts, each under its SHA-256 (64 lower-case hexadecimal digits), so that equal ones are kept once.
/// Thread-safe; calls wait for a disk.
class ArtifactFiles {
 public:
  virtual ~ArtifactFiles() = default;
  virtual bool has(const std::string& sha256, std::uint64_t bytes) const = 0;
  /// ResourceExhausted: it would not leave as much of the disk free as it should.
  virtual Result<std::unique_ptr<IncomingFile>> create(const std::string& sha256, std::uint64_t bytes) = 0;
  /// Goes on behind the first `offset` bytes that came before, which `seen` gets to see again. OutOfRange: so many are not
  /// here. Unavailable: they are still on their way in. ResourceExhausted as create().
  virtual Result<std::unique_ptr<IncomingFile>> resume(const std::string& sha256, std::uint64_t bytes, std::uint64_t offset,
                                                       const std::function<void(std::string_view)>& seen) = 0;
  /// How much came of a file that was cut off. Unavailable: it is still on its way in.
  virtual Result<std::uint64_t> arrived(const std::string& sha256) const = 0;
  /// Drops what was cut off too long ago, and the oldest where there are too many.
  virtual void drop_abandoned() = 0;
  /// NotFound.
  virtual Result<std::unique_ptr<OutgoingFile>> open(const std::string& sha256) const = 0;
  /// No error when absent.
  virtual Result<void> remove(const std::string& sha256) = 0;
  /// Calls `visit` for each until it returns false.
  virtual Result<void> each(const std::function<bool(const std::string& sha256)>& visit) const = 0;
};

/// Port: which files tasks refer to, as far as it is durable. Thread-safe.
class ArtifactIndex {
 public:
  virtual ~ArtifactIndex() = default;
  virtual Result<bool> refers_to(const std::string& sha256) const = 0;
  /// Files that a task referred to no longer since the last call; another one may.
  virtual std::vector<std::string> take_released() = 0;
};

}  // namespace swarm::orchestrator
