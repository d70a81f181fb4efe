#pragma once

#include <boost/asio/io_context.hpp>

#include <memory>
#include <string>

#include "adapters/upstream/curl_loop.hpp"
#include "adapters/upstream/link.hpp"

namespace swarm::gateway {

/// The way to upstreams that are spoken to in HTTP/2 or through a proxy: libcurl, with certificates verified, many requests
/// on one connection, and back-pressure by the stream's window. It costs about twice the CPU of a PooledLink.
class CurlLink final : public UpstreamLink {
 public:
  explicit CurlLink(boost::asio::io_context& io) : io_(io), loop_(CurlLoop::make(io)) {}

  boost::asio::awaitable<Result<std::unique_ptr<Exchange>, UpstreamFault>> send(const Outgoing& request,
                                                                               Attempt** current) override;
  const std::string& last_error() const override { return last_error_; }
  /// Its connections close with the link, when the last request has ended.
  void drain() override {}

 private:
  boost::asio::io_context& io_;
  std::shared_ptr<CurlLoop> loop_;
  std::string last_error_;
};

/// Asks each upstream in the way that suits it.
class RoutedLink final : public UpstreamLink {
 public:
  RoutedLink(boost::asio::io_context& io, async::Deadlines& deadlines, const Catalog& catalog, std::shared_ptr<UpstreamTls> tls)
      : pooled_(io, deadlines, catalog, std::move(tls), PooledLink::Options{}), curl_(io) {}

  boost::asio::awaitable<Result<std::unique_ptr<Exchange>, UpstreamFault>> send(const Outgoing& request, Attempt** current) override {
    const bool by_curl = request.upstream->http2 || !request.upstream->proxy.empty();
    last_ = by_curl ? static_cast<UpstreamLink*>(&curl_) : &pooled_;
    return last_->send(request, current);
  }
  const std::string& last_error() const override { return last_->last_error(); }
  void drain() override { pooled_.drain(); }

 private:
  PooledLink pooled_;
  CurlLink curl_;
  UpstreamLink* last_ = &pooled_;
};

}  // namespace swarm::gateway
