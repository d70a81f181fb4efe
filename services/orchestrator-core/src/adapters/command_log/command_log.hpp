#pragma once

#include <condition_variable>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "adapters/codec/redaction.hpp"
#include "adapters/command_log/log_format.hpp"
#include "libs/base/clock.hpp"
#include "libs/base/result.hpp"
#include "ports/pipeline_log.hpp"

namespace swarm::orchestrator::command_log {

struct CommandLogOptions {
  std::string directory;               // empty: nothing is recorded
  std::uint64_t bytes_max = 64u << 20; // of one run; what comes after is not recorded
  std::size_t files_max = 4;           // of as many runs, the newest
};

/// Writes down a run from its start, without texts and lease tokens, so that it can be repeated (testing/replay.hpp). One
/// file for each start of the process. The engine never waits: a thread writes, and what it can't keep up with ends
/// the record, which says so. Never the cause of an error.
class CommandLog final : public PipelineLog {
 public:
  static Result<std::unique_ptr<CommandLog>> open(const CommandLogOptions& options, const Setup& setup, const Clock& clock);
  ~CommandLog() override;

  void loaded(const StoredTask& task, Now now) override;
  void started(const StartState& state, Now now) override;
  void applies(const Command& command, Now now) override;
  void ticks(Now now) override;
  void fails(Now now) override;
  void after(const std::vector<std::uint64_t>& draws, std::span<const Answer> answers) override;
  void handed_over() override;
  void committed(const TaskEngine& engine) override;
  void ended(const TaskEngine& engine) override;

  const std::filesystem::path& file() const { return path_; }

 private:
  CommandLog(std::filesystem::path path, std::FILE* file, std::uint64_t bytes_max, std::string key);
  void write(EntryKind kind, std::string_view payload);
  void write_digest(const TaskEngine& engine);
  void run();

  const std::filesystem::path path_;
  std::FILE* const file_;
  const std::uint64_t bytes_max_;
  const codec::Redactor redactor_;
  // The engine's thread only.
  bool skips_ = false;   // the last command changed nothing
  bool over_ = false;    // the record is full or has ended
  std::uint64_t bytes_ = 0;
  std::uint64_t entries_ = 0;
  std::uint64_t digest_at_ = 0;

  std::mutex mutex_;  // guards the next two
  std::string waiting_;
  bool closed_ = false;
  std::condition_variable arrived_;
  std::thread writer_;
};

}  // namespace swarm::orchestrator::command_log
