#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "ports/usage_sink.hpp"

namespace swarm::gateway {

/// The usage log as files of JSON lines, "usage-<number of its first row>.jsonl". Each line names its row's number as
/// `seq`: after a crash the torn end of the last file is cut off and the log goes on behind its last whole line, so that
/// rows may come twice only where somebody else changed the files. Not thread-safe.
/// Errors: ResourceExhausted (disk full), Unavailable (any other fault of the file system).
class UsageFiles final : public UsageSink {
 public:
  struct Options {
    std::filesystem::path directory;                      // created if missing
    std::uint64_t file_bytes_max = 64u << 20;             // a new file is begun beyond
    std::uint64_t bytes_max = 1u << 30;                   // of all files: the oldest go; never the one that is written
    std::chrono::milliseconds kept = std::chrono::hours(24 * 30);
  };
  explicit UsageFiles(Options options) : options_(std::move(options)) {}
  ~UsageFiles() override;

  Result<std::uint64_t> last(std::uint64_t newest) override;
  Result<void> write(const std::vector<NumberedRow>& rows) override;
  void tidy() override;

 private:
  struct File {
    std::filesystem::path path;
    std::uint64_t first = 0;
  };
  std::vector<File> files() const;
  Result<void> begin(std::uint64_t first);
  Result<std::uint64_t> resume(const File& file);
  void drop_old();
  void close();

  Options options_;
  int fd_ = -1;
  std::uint64_t size_ = 0;   // of the file that is written
  std::uint64_t next_ = 0;   // number of the row behind its last one; 0: not known
};

/// One line without its line break.
std::string usage_line(const NumberedRow& row);

}  // namespace swarm::gateway
