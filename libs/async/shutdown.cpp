#include "libs/async/shutdown.hpp"

#include <utility>

namespace swarm::async {

Shutdown::Shutdown(boost::asio::io_context& io, std::function<void()> drain, std::function<void()> hurry, std::initializer_list<int> signals)
    : signals_(io), drain_(std::move(drain)), hurry_(std::move(hurry)) {
  for (const int signal : signals) signals_.add(signal);
  std::signal(SIGPIPE, SIG_IGN);  // a peer that hung up is an error of one write, not the end of the process
  wait();
}

void Shutdown::wait() {
  signals_.async_wait([this](const boost::system::error_code& stopped, int) {
    if (stopped) return;
    if (draining_) {
      hurry_();
      return;
    }
    draining_ = true;
    wait();
    drain_();
  });
}

}  // namespace swarm::async
