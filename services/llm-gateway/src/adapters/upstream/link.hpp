#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/context.hpp>

#include <memory>
#include <vector>

#include "adapters/upstream/connection.hpp"

namespace swarm::gateway {

/// TLS contexts of a catalog's upstreams: certificates verified against the system's authorities or the upstream's
/// ca_file. Built once, shared by all threads.
class UpstreamTls {
 public:
  /// InvalidArgument names a ca_file that can't be read.
  static Result<std::unique_ptr<UpstreamTls>> create(const Catalog& catalog);
  boost::asio::ssl::context* of(const Upstream& upstream) { return contexts_[upstream.id].get(); }

 private:
  std::vector<std::unique_ptr<boost::asio::ssl::context>> contexts_;
};

/// Connections of one thread to all upstreams, kept open between requests (the one used last is taken first).
class PooledLink final : public UpstreamLink {
 public:
  struct Options {
    std::size_t idle_max = 256;  // kept open, for each upstream
    std::chrono::milliseconds keep{30'000};
  };
  PooledLink(boost::asio::io_context& io, async::Deadlines& deadlines, const Catalog& catalog, std::shared_ptr<UpstreamTls> tls, Options options);

  boost::asio::awaitable<Result<std::unique_ptr<Exchange>, UpstreamFault>> send(const Outgoing& request,
                                                                               Attempt** current) override;
  const std::string& last_error() const override { return last_error_; }
  std::size_t idle() const;
  void drain() override;

 private:
  friend class PooledExchange;
  using Idle = std::vector<std::unique_ptr<UpstreamConnection>>;
  std::unique_ptr<UpstreamConnection> take_idle(const Upstream& upstream);
  void give_back(const Upstream& upstream, std::unique_ptr<UpstreamConnection> connection);

  boost::asio::io_context& io_;
  async::Deadlines& deadlines_;
  std::shared_ptr<UpstreamTls> tls_;
  Options options_;
  std::vector<Idle> idle_;
  std::vector<std::string> fixed_heads_;
  std::string last_error_;
  bool draining_ = false;
};

}  // namespace swarm::gateway
