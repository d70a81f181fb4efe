#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace swarm::gateway {

/// Tells when the configuration should be read again: at SIGHUP, and when one of its files has changed and then stayed the
/// same from one look to the next, so that a file that is being written is left alone. A file that Kubernetes swaps behind a
/// link counts as changed. Belongs to its io_context's thread.
class ConfigWatch {
 public:
  /// `why` is "SIGHUP" or the file's name.
  using Changed = std::function<void(std::string_view why)>;

  /// `interval` 0: only SIGHUP.
  ConfigWatch(boost::asio::io_context& io, std::chrono::milliseconds interval, Changed changed);

  /// These are the files from now on, as they are now.
  void watch(std::vector<std::string> files);

 private:
  struct Stamp {
    std::int64_t modified_ns = 0;
    std::uint64_t size = 0;
    std::uint64_t inode = 0;
    friend bool operator==(const Stamp&, const Stamp&) = default;
  };
  struct File {
    std::string name;
    Stamp known;
    Stamp last_seen;
  };
  static Stamp stamp(const std::string& file);
  void wait_for_signal();
  void wait_for_look();
  void look();

  boost::asio::signal_set signals_;
  boost::asio::steady_timer timer_;
  std::chrono::milliseconds interval_;
  Changed changed_;
  std::vector<File> files_;
};

}  // namespace swarm::gateway
