#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <atomic>
#include <thread>

#include "adapters/codec/translation.hpp"
#include "adapters/http/front_door.hpp"
#include "adapters/upstream/curl_link.hpp"
#include "application/relay.hpp"
#include "settings.hpp"

namespace swarm::gateway {

/// One serving thread and everything that belongs to it alone: an io_context, a front door on the shared port,
/// connections to upstreams, codecs. Nothing on a request's path crosses to another thread.
class Worker {
 public:
  /// What a worker serves: an edition of the configuration, and how to reach its upstreams.
  struct Offer {
    std::shared_ptr<Edition> edition;
    std::shared_ptr<UpstreamTls> tls;
  };
  Worker(const Settings& settings, Services services, Offer offer, const Clock& clock, std::string listen, bool share_port,
         std::unique_ptr<ServerTls> server_tls, std::shared_ptr<http::PeerShares> peers = nullptr);
  ~Worker();

  Result<void> listen() { return door_.start(); }
  void start();
  /// Serves this one from the next request on; those on their way end in theirs. From any thread.
  void adopt(Offer offer);
  void begin_drain();
  bool drained() const { return drained_.load(); }
  /// Cancels what is left and joins the thread.
  void stop();

  std::string address() const { return door_.address(); }
  int port() const { return door_.port(); }
  boost::asio::io_context& io() { return io_; }
  Relay& relay() { return relay_; }

 private:
  void look_whether_drained();
  std::shared_ptr<Lane> lane_of(Offer offer);

  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  async::Deadlines deadlines_;
  Codecs codecs_;
  JsonTranslation translation_;
  Relay relay_;
  FrontDoor door_;
  std::atomic<bool> drained_ = false;
  bool draining_ = false;
  std::thread thread_;
};

}  // namespace swarm::gateway
