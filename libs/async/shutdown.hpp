#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include <csignal>
#include <functional>
#include <initializer_list>

namespace swarm::async {

/// Turns `signals` into a two-phase stop: the first signal calls `drain` (refuse new work, finish what is in
/// flight), a second one calls `hurry`. SIGPIPE is ignored. Runs on the io_context's thread.
class Shutdown {
 public:
  Shutdown(boost::asio::io_context& io, std::function<void()> drain, std::function<void()> hurry,
           std::initializer_list<int> signals = {SIGTERM, SIGINT, SIGHUP});

 private:
  void wait();
  boost::asio::signal_set signals_;
  std::function<void()> drain_;
  std::function<void()> hurry_;
  bool draining_ = false;
};

}  // namespace swarm::async
