#pragma once

#include <boost/asio/steady_timer.hpp>

#include <memory>
#include <unordered_map>

#include "domain/rate_limit.hpp"
#include "libs/async/guarded.hpp"

namespace swarm::gateway {

/// Wakes requests that wait for their turn, on whichever thread they wait. A ring that comes just before its request
/// listens is lost, so that who waits also looks by itself now and then. Thread-safe.
class TurnBell {
 public:
  using Timer = boost::asio::steady_timer;

  /// While it lives, ring() of its turn ends the timer's wait early.
  class Listener {
   public:
    Listener(TurnBell& bell, Turn turn, std::shared_ptr<Timer> timer);
    ~Listener();
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;

   private:
    TurnBell& bell_;
    Turn turn_;
  };

  /// 0 is nobody's turn.
  void ring(Turn turn);

 private:
  async::Guarded<std::unordered_map<Turn, std::shared_ptr<Timer>>> listening_;
};

}  // namespace swarm::gateway
