#include "application/artifact_keeper.hpp"

#include <utility>

#include "libs/telemetry/logging.hpp"

namespace swarm::orchestrator {
namespace {

constexpr std::chrono::milliseconds kLookEvery{500};
constexpr std::chrono::milliseconds kBetweenPages{20};
constexpr std::size_t kPage = 200;
constexpr int kLooksBetweenDrops = 20;

}  // namespace

void ArtifactKeeper::start(std::function<void()> tick) {
  tick_ = std::move(tick);
  thread_ = std::thread([this] { run(); });
}

void ArtifactKeeper::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

std::shared_ptr<const void> ArtifactKeeper::pin(const std::string& sha256) {
  std::lock_guard lock(mutex_);
  ++pins_[sha256];
  return std::shared_ptr<const void>(this, [this, sha256](const void*) { unpin(sha256); });
}

void ArtifactKeeper::unpin(const std::string& sha256) {
  std::lock_guard lock(mutex_);
  if (--pins_[sha256] > 0) return;
  pins_.erase(sha256);
  unpinned_.push_back(sha256);
}

std::shared_ptr<const void> ArtifactKeeper::hold() {
  std::lock_guard lock(mutex_);
  ++holds_;
  return std::shared_ptr<const void>(this, [this](const void*) {
    std::lock_guard inner(mutex_);
    --holds_;
  });
}

bool ArtifactKeeper::wait(std::chrono::milliseconds at_most) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, at_most, [this] { return stopping_; });
  return !stopping_;
}

void ArtifactKeeper::run() {
  sweep();
  for (int looks = 0; wait(kLookEvery); ++looks) {
    if (tick_) tick_();
    if (looks % kLooksBetweenDrops == 0) files_.drop_abandoned();
    look_at_released();
  }
}

void ArtifactKeeper::look_at_released() {
  std::vector<std::string> candidates;
  {
    std::lock_guard lock(mutex_);
    if (holds_ > 0) return;
    candidates.swap(unpinned_);
  }
  for (auto& sha256 : index_.take_released()) candidates.push_back(std::move(sha256));
  for (const auto& sha256 : candidates) {
    const auto removed = remove_if_unused(sha256);
    if (removed) continue;
    // The next start sweeps it up.
    log::warn("the file of an artefact can't be removed", {{"sha256", sha256}, {"error", removed.error().message}});
  }
}

/// Files without a task, once after the start: a page at a time.
void ArtifactKeeper::sweep() {
  std::vector<std::string> all;
  const auto listed = files_.each([&](const std::string& sha256) {
    all.push_back(sha256);
    return true;
  });
  if (!listed) log::warn("the files of artefacts can't be listed", {{"error", listed.error().message}});
  std::size_t removed = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (i % kPage == kPage - 1 && !wait(kBetweenPages)) return;
    const auto gone = remove_if_unused(all[i]);
    if (gone && gone.value()) ++removed;
  }
  if (removed > 0) log::info("removed files of artefacts that no task refers to", {{"files", removed}, {"of", all.size()}});
}

Result<bool> ArtifactKeeper::remove_if_unused(const std::string& sha256) {
  std::lock_guard lock(mutex_);
  if (pins_.contains(sha256)) return false;
  if (holds_ > 0) {
    unpinned_.push_back(sha256);
    return false;
  }
  BOOST_OUTCOME_TRY(const bool used, index_.refers_to(sha256));
  if (used) return false;
  BOOST_OUTCOME_TRY(files_.remove(sha256));
  return true;
}

}  // namespace swarm::orchestrator
