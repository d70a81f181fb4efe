#pragma once

#include <filesystem>
#include <memory>
#include <string_view>

#include "libs/audit/line.hpp"
#include "libs/base/clock.hpp"
#include "libs/base/result.hpp"

namespace swarm::audit {

struct Options {
  std::filesystem::path directory;            // created if missing, for the owner's eyes only
  std::uint64_t file_bytes_max = 8ull << 20;  // then a new file begins; the chain goes on in it
  unsigned files_max = 16;                    // then the oldest file goes
};

enum class Durability {
  OnDisk,  // append returns after fdatasync
  Later,   // with the next line that is OnDisk, or when the kernel writes it: what a crash of the machine may cost
};

/// An append-only log whose lines form a chain of hashes (see line.hpp), in files that are rotated. For one process: the
/// data directory around it is locked. Space for 64 KiB is kept in advance, so that a full disk does not at once silence it.
/// A line that a crash left unfinished is cut off at the next opening, which says so in its first line.
/// Thread-safe; lines are written one at a time.
class Log {
 public:
  /// Writes a line "started". PermissionDenied, NotFound, ResourceExhausted: the directory can't be used. What was tampered with does
  /// not keep it from opening: the chain goes on, the fault stays visible to verify() and is told in the log.
  static Result<std::unique_ptr<Log>> open(Options options, std::string_view service, const Clock& clock);
  ~Log();

  /// The line's place. On an error nothing of the line is left: ResourceExhausted (disk full), Unavailable (anything else).
  Result<Link> append(std::string_view event, Fields fields, Durability durability);
  Link newest() const;

 private:
  struct Impl;
  explicit Log(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace swarm::audit
