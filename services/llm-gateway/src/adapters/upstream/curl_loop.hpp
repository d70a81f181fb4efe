#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <curl/curl.h>

#include <map>
#include <memory>

namespace swarm::gateway {

/// libcurl's transfers on an io_context: its sockets and its timer are watched there, so that it needs no thread of its own.
/// Belongs to the io_context's thread. Handles must be removed before they are cleaned up.
class CurlLoop : public std::enable_shared_from_this<CurlLoop> {
 public:
  /// Told when a transfer has ended; not from within a call into libcurl.
  struct Ended {
    virtual void ended(CURLcode result) = 0;
   protected:
    ~Ended() = default;
  };

  static std::shared_ptr<CurlLoop> make(boost::asio::io_context& io);
  ~CurlLoop();

  /// `whom` is told of its end; it must live until then or until remove().
  void add(CURL* easy, Ended* whom);
  void remove(CURL* easy);

 private:
  struct Watch {
    explicit Watch(boost::asio::io_context& io) : socket(io) {}
    boost::asio::posix::stream_descriptor socket;
    int wanted = 0;
    bool reading = false;
    bool writing = false;
  };
  explicit CurlLoop(boost::asio::io_context& io);
  static int on_socket(CURL* easy, curl_socket_t socket, int what, void* self, void* watch);
  static int on_timer(CURLM* multi, long after_ms, void* self);
  void watch(curl_socket_t socket, int what);
  void arm(curl_socket_t socket, const std::shared_ptr<Watch>& watch);
  void ready(curl_socket_t socket, int how);
  void set_timer(long after_ms);
  void collect();

  boost::asio::io_context& io_;
  CURLM* multi_;
  boost::asio::steady_timer timer_;
  std::map<curl_socket_t, std::shared_ptr<Watch>> watches_;
};

}  // namespace swarm::gateway
