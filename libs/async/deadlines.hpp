#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <functional>

namespace swarm::async {

/// Time-outs of thousands of connections by one coarse timer: arming one is two stores and no system call, against a
/// heap operation and often an epoll wake-up for a timer of its own. Fires up to one tick late. One per io_context, used
/// on its only thread.
class Deadlines {
 public:
  /// Something that can be late. One that outlives its Deadlines is simply never late.
  class Watched {
   public:
    Watched() = default;
    virtual ~Watched() { leave(); }
    Watched(const Watched&) = delete;
    Watched& operator=(const Watched&) = delete;
    /// The deadline has passed; it is disarmed already. May arm() again, and may destroy this object but no other.
    virtual void on_deadline() = 0;

   private:
    friend class Deadlines;
    void leave();
    Deadlines* owner_ = nullptr;
    Watched* next_ = nullptr;
    Watched* previous_ = nullptr;
    std::int64_t due_ms_ = 0;  // 0: not armed
  };

  explicit Deadlines(boost::asio::io_context& io, std::chrono::milliseconds tick = std::chrono::milliseconds(100));
  ~Deadlines();

  void arm(Watched& watched, std::chrono::milliseconds after);
  static void disarm(Watched& watched) { watched.due_ms_ = 0; }
  /// Also called at each tick.
  void on_tick(std::function<void()> callback) { callback_ = std::move(callback); }
  /// No more ticks, so that the io_context can run out of work.
  void stop();

 private:
  void wait();
  void fire();

  boost::asio::steady_timer timer_;
  std::chrono::milliseconds tick_;
  std::int64_t now_ms_;
  Watched* first_ = nullptr;
  Watched* iterating_ = nullptr;  // where fire() goes on, kept valid when that one leaves
  std::function<void()> callback_;
  bool stopped_ = false;
};

}  // namespace swarm::async
