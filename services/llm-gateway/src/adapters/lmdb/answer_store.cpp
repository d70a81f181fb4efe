#include "adapters/lmdb/answer_store.hpp"

#include <algorithm>

#include "libs/telemetry/logging.hpp"

namespace swarm::gateway {
namespace {

constexpr std::size_t kTimeBytes = 8;
constexpr std::size_t kWaitingMax = 1'000;
constexpr std::size_t kWaitingBytesMax = 16u << 20;
constexpr std::uint64_t kFileBytesMax = 256u << 20;
constexpr std::uint32_t kFormat = 1;

lmdb::Options options_of(const std::filesystem::path& directory) {
  lmdb::Options options;
  options.directory = directory;
  options.identity = {"llm-gateway-answers", kFormat};
  options.size_bytes_max = kFileBytesMax;
  options.sync = false;
  return options;
}

}  // namespace

Result<std::unique_ptr<LmdbAnswerStore>> LmdbAnswerStore::open(const std::filesystem::path& directory, WallTime now, std::vector<Entry>& recovered) {
  std::unique_ptr<LmdbAnswerStore> store(new LmdbAnswerStore());
  auto environment = lmdb::Environment::open(options_of(directory));
  if (!environment && environment.error().code == Code::DataLoss) {
    log::warn("answers that waited for a retry can't be read and are forgotten", {{"error", environment.error().message}});
    std::error_code failed;
    std::filesystem::remove_all(directory, failed);
    environment = lmdb::Environment::open(options_of(directory));
  }
  if (!environment) return environment.error();
  store->environment_ = std::move(environment).value();
  BOOST_OUTCOME_TRY(store->answers_, store->environment_->table("answers"));
  BOOST_OUTCOME_TRY(store->recover(now, recovered));
  return store;
}

Result<void> LmdbAnswerStore::recover(WallTime now, std::vector<Entry>& recovered) {
  std::deque<Entry> old;
  {
    BOOST_OUTCOME_TRY(const auto txn, environment_->read());
    BOOST_OUTCOME_TRY(txn.scan(answers_, "", [&](std::string_view key, std::string_view value) {
      Entry entry{std::string(key), {}, {}};
      if (value.size() > kTimeBytes) {
        const std::chrono::milliseconds until(static_cast<std::int64_t>(lmdb::u64_of_key(value.substr(0, kTimeBytes))));
        entry.until = WallTime(until);
      }
      if (entry.until <= now) {
        old.push_back(std::move(entry));
      } else {
        entry.text = value.substr(kTimeBytes);
        recovered.push_back(std::move(entry));
      }
      return true;
    }));
  }
  return old.empty() ? Result<void>(outcome::success()) : write(old);
}

void LmdbAnswerStore::start() {
  thread_ = std::thread([this] { run(); });
}

void LmdbAnswerStore::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void LmdbAnswerStore::keep(Entry entry) {
  if (!entry.text.empty()) put(std::move(entry));
}

void LmdbAnswerStore::drop(std::string id) { put({std::move(id), {}, {}}); }

void LmdbAnswerStore::put(Entry change) {
  {
    std::lock_guard lock(mutex_);
    const std::size_t bytes = change.text.size();
    if (stopping_ || waiting_.size() >= kWaitingMax || waiting_bytes_ + bytes > kWaitingBytesMax) return;
    waiting_bytes_ += bytes;
    waiting_.push_back(std::move(change));
  }
  wake_.notify_one();
}

void LmdbAnswerStore::run() {
  std::unique_lock lock(mutex_);
  for (bool said = false;;) {
    wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    const auto changes = std::exchange(waiting_, {});
    waiting_bytes_ = 0;
    lock.unlock();
    const auto written = write(changes);
    if (!written && !said) log::warn("answers that wait for a retry don't survive a restart", {{"error", written.error().message}});
    said = !written;
    lock.lock();
  }
}

Result<void> LmdbAnswerStore::write(const std::deque<Entry>& changes) {
  BOOST_OUTCOME_TRY(auto txn, environment_->write());
  for (const auto& change : changes) {
    if (change.text.empty()) {
      BOOST_OUTCOME_TRY(txn.erase(answers_, change.id));
    } else {
      BOOST_OUTCOME_TRY(txn.put(answers_, change.id, lmdb::key_u64(static_cast<std::uint64_t>(unix_ms(change.until))) + change.text));
    }
  }
  return txn.commit();
}

}  // namespace swarm::gateway
