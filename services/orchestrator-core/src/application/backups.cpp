#include "application/backups.hpp"

#include <algorithm>

#include "libs/telemetry/logging.hpp"

namespace swarm::orchestrator {
namespace {

constexpr std::size_t kNameBytesMax = 64;

/// Nothing that could lead out of the directory, or hide in it.
bool is_plain(const std::string& name) {
  return name.size() <= kNameBytesMax && name.front() != '.' && std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
         });
}

}  // namespace

Backups::Backups(std::filesystem::path directory, Copy copy, const Clock& clock)
    : directory_(std::move(directory)), copy_(std::move(copy)), clock_(clock), thread_([this] { run(); }) {}

Backups::~Backups() { stop(); }

void Backups::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

Result<void> Backups::begin(std::string name, Done done) {
  if (name.empty()) name = "backup-" + std::to_string(unix_ms(clock_.wall_now()));
  if (!is_plain(name)) return Error{Code::InvalidArgument, "name: only letters, digits, '-', '_' and '.', at most 64"};
  {
    std::lock_guard lock(mutex_);
    if (stopping_) return Error{Code::Unavailable, "the orchestrator is shutting down, try again"};
    if (busy_) return Error{Code::FailedPrecondition, "another backup is under way"};
    busy_ = true;
    job_ = Job{directory_ / name, std::move(done)};
  }
  changed_.notify_all();
  return outcome::success();
}

void Backups::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return job_ || stopping_; });
    if (!job_) return;
    Job job = std::move(*job_);
    job_.reset();
    lock.unlock();
    job.done(make(job.directory));
    lock.lock();
    busy_ = false;
  }
}

Result<BackupMade> Backups::make(const std::filesystem::path& directory) const {
  const auto began = clock_.boot_now();
  BOOST_OUTCOME_TRY(copy_(directory));
  BackupMade out;
  out.directory = directory;
  std::error_code unknown;
  const auto bytes = std::filesystem::file_size(directory / "data.mdb", unknown);
  if (!unknown) out.bytes = bytes;
  out.took = std::chrono::duration_cast<std::chrono::milliseconds>(clock_.boot_now() - began);
  log::info("backup made", {{"directory", directory.string()}, {"bytes", out.bytes}, {"took_ms", out.took.count()}});
  return out;
}

}  // namespace swarm::orchestrator
