#include "adapters/files/config_watch.hpp"

#include <sys/stat.h>

#include <csignal>
#include <utility>

namespace swarm::gateway {
namespace {

constexpr std::int64_t kNanosPerSecond = 1'000'000'000;

}  // namespace

ConfigWatch::ConfigWatch(boost::asio::io_context& io, std::chrono::milliseconds interval, Changed changed)
    : signals_(io, SIGHUP), timer_(io), interval_(interval), changed_(std::move(changed)) {
  wait_for_signal();
  if (interval_.count() > 0) wait_for_look();
}

ConfigWatch::Stamp ConfigWatch::stamp(const std::string& file) {
  struct stat seen {};
  if (::stat(file.c_str(), &seen) != 0) return {};
  return {seen.st_mtim.tv_sec * kNanosPerSecond + seen.st_mtim.tv_nsec, static_cast<std::uint64_t>(seen.st_size), seen.st_ino};
}

void ConfigWatch::watch(std::vector<std::string> files) {
  files_.clear();
  for (std::string& file : files) {
    const Stamp now = stamp(file);
    files_.push_back({std::move(file), now, now});
  }
}

void ConfigWatch::wait_for_signal() {
  signals_.async_wait([this](const boost::system::error_code& stopped, int) {
    if (stopped) return;
    wait_for_signal();
    changed_("SIGHUP");
  });
}

void ConfigWatch::wait_for_look() {
  timer_.expires_after(interval_);
  timer_.async_wait([this](const boost::system::error_code& stopped) {
    if (stopped) return;
    wait_for_look();
    look();
  });
}

void ConfigWatch::look() {
  std::string changed;
  for (File& file : files_) {
    const Stamp now = stamp(file.name);
    const bool quiet = now == std::exchange(file.last_seen, now);
    if (now == file.known || !quiet) continue;
    file.known = now;
    changed = file.name;
  }
  if (!changed.empty()) changed_(changed);
}

}  // namespace swarm::gateway
