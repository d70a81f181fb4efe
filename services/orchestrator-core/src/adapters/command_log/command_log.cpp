#include "adapters/command_log/command_log.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "adapters/codec/command_record.hpp"
#include "adapters/codec/record.hpp"
#include "application/engine_digest.hpp"
#include "libs/base/uuid.hpp"
#include "libs/telemetry/logging.hpp"

namespace swarm::orchestrator::command_log {
namespace {

using codec::Writer;

constexpr std::size_t kWaitingMax = 16u << 20;
constexpr std::uint64_t kDigestEvery = 5'000;
constexpr std::size_t kKeyBytes = 32;
constexpr std::string_view kPrefix = "commands-";
constexpr std::string_view kSuffix = ".log";

/// The names hold the time, so their order is that of the runs.
void remove_oldest(const std::filesystem::path& directory, std::size_t keep) {
  std::vector<std::filesystem::path> found;
  std::error_code failed;
  for (std::filesystem::directory_iterator at(directory, failed), end; !failed && at != end; at.increment(failed)) {
    const auto name = at->path().filename().string();
    if (name.starts_with(kPrefix) && name.ends_with(kSuffix)) found.push_back(at->path());
  }
  std::sort(found.begin(), found.end());
  for (std::size_t i = 0; i + keep < found.size(); ++i) std::filesystem::remove(found[i], failed);
}

void put_now(Writer& out, Now now) {
  out.i64(now.boot.time_since_epoch().count());
  out.time(now.wall);
}

template <class T>
void put_record(Writer& out, const T& value) {
  Writer inner;
  encode(inner, value);
  out.text(inner.bytes());
}

}  // namespace

Result<std::unique_ptr<CommandLog>> CommandLog::open(const CommandLogOptions& options, const Setup& setup, const Clock& clock) {
  const std::filesystem::path directory = options.directory;
  std::error_code failed;
  std::filesystem::create_directories(directory, failed);
  remove_oldest(directory, options.files_max - 1);
  const auto path = directory / (std::string(kPrefix) + std::to_string(unix_ms(clock.wall_now())) + std::string(kSuffix));
  std::FILE* file = std::fopen(path.c_str(), "wxbe");
  if (file == nullptr) return Error{Code::FailedPrecondition, "command_log: can't make " + path.string() + ": " + std::strerror(errno)};
  std::string key(kKeyBytes, '\0');
  random_bytes(reinterpret_cast<unsigned char*>(key.data()), key.size());
  auto out = std::unique_ptr<CommandLog>(new CommandLog(path, file, options.bytes_max, std::move(key)));
  out->write(EntryKind::Setup, encode(setup));
  return out;
}

CommandLog::CommandLog(std::filesystem::path path, std::FILE* file, std::uint64_t bytes_max, std::string key)
    : path_(std::move(path)), file_(file), bytes_max_(bytes_max), redactor_(std::move(key)), waiting_(kMagic), writer_([this] { run(); }) {}

CommandLog::~CommandLog() {
  {
    std::lock_guard lock(mutex_);
    closed_ = true;
  }
  arrived_.notify_one();
  writer_.join();
  std::fclose(file_);
}

void CommandLog::write(EntryKind kind, std::string_view payload) {
  if (over_) return;
  ++entries_;
  bytes_ += payload.size();
  const char* why = bytes_ > bytes_max_ ? "it is full" : nullptr;
  {
    std::lock_guard lock(mutex_);
    if (why == nullptr && waiting_.size() > kWaitingMax) why = "the disk does not keep up";
    append_entry(waiting_, why == nullptr ? kind : EntryKind::Ended, why == nullptr ? payload : std::string_view(why));
  }
  arrived_.notify_one();
  if (why == nullptr) return;
  over_ = true;
  log::warn("the record of commands ends", {{"file", path_.string()}, {"why", why}});
}

void CommandLog::run() {
  std::string out;
  std::unique_lock lock(mutex_);
  while (true) {
    arrived_.wait(lock, [this] { return !waiting_.empty() || closed_; });
    if (waiting_.empty()) return;
    out.swap(waiting_);
    lock.unlock();
    if (std::fwrite(out.data(), 1, out.size(), file_) != out.size() || std::fflush(file_) != 0) {
      log::warn("a command log can't be written", {{"file", path_.string()}, {"error", std::strerror(errno)}});
    }
    out.clear();
    lock.lock();
  }
}

void CommandLog::loaded(const StoredTask& task, Now now) {
  if (over_) return;
  Writer out;
  put_now(out, now);
  put_record(out, redactor_.without_secrets(*task.spec));
  put_record(out, redactor_.without_secrets(*task.state));
  write(EntryKind::Task, out.bytes());
}

void CommandLog::started(const StartState& state, Now now) {
  Writer out;
  put_now(out, now);
  out.u64(state.rules.size());
  for (GoldenRule rule : state.rules) rule.text.assign(rule.text.size(), 'x'), rule.must_match.clear(), rule.must_not_match.clear(), put_record(out, rule);
  DispatchState dispatch = state.dispatch;
  dispatch.reason = redactor_.tag(dispatch.reason);
  put_record(out, dispatch);
  out.u64(state.holds.size());
  for (Hold hold : state.holds) hold.reason = redactor_.tag(hold.reason), put_record(out, hold);
  out.u64(state.schedules.size());
  for (Schedule schedule : state.schedules) {
    schedule.task = std::make_shared<TaskSpec>(redactor_.without_secrets(*schedule.task));
    schedule.texts = std::make_shared<InputTexts>();
    put_record(out, schedule);
  }
  for (const auto value : {state.first_outcome, state.last_outcome, state.next_number}) out.u64(value);
  write(EntryKind::Started, out.bytes());
}

void CommandLog::applies(const Command& command, Now now) {
  if (over_) return;
  Writer out;
  put_now(out, now);
  skips_ = !encode(out, command, redactor_);
  if (!skips_) write(EntryKind::Command, out.bytes());
}

void CommandLog::ticks(Now now) {
  Writer out;
  put_now(out, now);
  write(EntryKind::Tick, out.bytes());
}

void CommandLog::fails(Now now) {
  Writer out;
  put_now(out, now);
  write(EntryKind::Fail, out.bytes());
}

/// Two numbers in a row that became a lease's token are secret, the others only random.
void CommandLog::after(const std::vector<std::uint64_t>& draws, std::span<const Answer> answers) {
  if (std::exchange(skips_, false) || over_) return;
  std::vector<std::uint64_t> kept = draws;
  for (const auto& answer : answers) {
    const auto* assigned = std::get_if<Assigned>(&answer.reply);
    for (std::size_t i = 0; assigned != nullptr && i + 1 < draws.size(); ++i) {
      if (draws[i] != assigned->token.high || draws[i + 1] != assigned->token.low) continue;
      kept[i] = redactor_.mask(draws[i]);
      kept[i + 1] = redactor_.mask(draws[i + 1]);
    }
  }
  Writer out;
  out.u64(kept.size());
  for (const auto draw : kept) out.fixed(draw);
  write(EntryKind::After, out.bytes());
}

void CommandLog::handed_over() { write(EntryKind::HandedOver, {}); }

void CommandLog::committed(const TaskEngine& engine) {
  write(EntryKind::Committed, {});
  if (!over_ && entries_ >= digest_at_) write_digest(engine);
}

void CommandLog::ended(const TaskEngine& engine) {
  if (over_) return;
  write_digest(engine);
  write(EntryKind::Ended, {});
  over_ = true;
}

void CommandLog::write_digest(const TaskEngine& engine) {
  Writer out;
  out.fixed(digest_of(engine));
  write(EntryKind::Digest, out.bytes());
  digest_at_ = entries_ + kDigestEvery;
}

}  // namespace swarm::orchestrator::command_log
