#include "adapters/upstream/link.hpp"

namespace swarm::gateway {
namespace asio = boost::asio;
namespace {

/// What follows the request target for every request to this upstream.
std::string fixed_head(const Upstream& upstream) {
  std::string head = " HTTP/1.1\r\nhost: " + upstream.host;
  const std::string_view usual = upstream.tls ? "443" : "80";
  if (upstream.port != usual) head += ":" + upstream.port;
  head += "\r\n";
  if (!upstream.api_key.empty()) {
    head += upstream.dialect == Dialect::Anthropic ? "x-api-key: " : "authorization: Bearer ";
    head += upstream.api_key.reveal() + "\r\n";
  }
  for (const auto& [name, value] : upstream.headers) head += name + ": " + value + "\r\n";
  return head;
}

}  // namespace

Result<std::unique_ptr<UpstreamTls>> UpstreamTls::create(const Catalog& catalog) {
  auto made = std::make_unique<UpstreamTls>();
  for (const Upstream& upstream : catalog.upstreams()) {
    auto& context = made->contexts_.emplace_back();
    if (!upstream.tls) continue;
    context = std::make_unique<asio::ssl::context>(asio::ssl::context::tls_client);
    boost::system::error_code error;
    context->set_verify_mode(asio::ssl::verify_peer, error);
    SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
    if (upstream.ca_file.empty()) context->set_default_verify_paths(error);
    else context->load_verify_file(upstream.ca_file, error);
    if (error) {
      return Error{Code::InvalidArgument, "upstream " + upstream.name + ": can't read the authorities in \"" +
                                              upstream.ca_file + "\": " + error.message()};
    }
  }
  return made;
}

/// An exchange that knows where its connection belongs.
class PooledExchange final : public Exchange {
 public:
  PooledExchange(PooledLink& link, const Upstream& upstream, std::unique_ptr<UpstreamConnection> connection)
      : link_(link), upstream_(upstream), connection_(std::move(connection)) {}
  ~PooledExchange() override {
    if (connection_->reusable()) link_.give_back(upstream_, std::move(connection_));
  }
  const http::Head& head() const override { return connection_->head(); }
  bool whole(std::string_view& body) override { return connection_->whole(body); }
  asio::awaitable<Result<std::string_view, UpstreamFault>> read_all(std::size_t bytes_max) override {
    return connection_->read_all(bytes_max);
  }
  asio::awaitable<Result<std::string_view, UpstreamFault>> read_some() override { return connection_->read_some(); }
  std::size_t padding() const override { return http::ByteBuffer::kPadding; }
  void cancel() override { connection_->cancel(); }

 private:
  PooledLink& link_;
  const Upstream& upstream_;
  std::unique_ptr<UpstreamConnection> connection_;
};

PooledLink::PooledLink(asio::io_context& io, async::Deadlines& deadlines, const Catalog& catalog, std::shared_ptr<UpstreamTls> tls, Options options)
    : io_(io), deadlines_(deadlines), tls_(std::move(tls)), options_(options), idle_(catalog.upstreams().size()) {
  for (const Upstream& upstream : catalog.upstreams()) fixed_heads_.push_back(fixed_head(upstream));
}

std::unique_ptr<UpstreamConnection> PooledLink::take_idle(const Upstream& upstream) {
  Idle& idle = idle_[upstream.id];
  while (!idle.empty()) {
    auto connection = std::move(idle.back());
    idle.pop_back();
    if (connection->unpark()) return connection;
  }
  return nullptr;
}

void PooledLink::give_back(const Upstream& upstream, std::unique_ptr<UpstreamConnection> connection) {
  Idle& idle = idle_[upstream.id];
  if (draining_ || idle.size() >= options_.idle_max) return;
  connection->park(options_.keep);
  idle.push_back(std::move(connection));
}

std::size_t PooledLink::idle() const {
  std::size_t n = 0;
  for (const Idle& idle : idle_) n += idle.size();
  return n;
}

void PooledLink::drain() {
  draining_ = true;
  for (Idle& idle : idle_) idle.clear();
}

asio::awaitable<Result<std::unique_ptr<Exchange>, UpstreamFault>> PooledLink::send(const Outgoing& request, Attempt** current) {
  const Upstream& upstream = *request.upstream;
  auto connection = take_idle(upstream);
  bool pooled = connection != nullptr;
  while (true) {
    if (!connection) {
      connection = std::make_unique<UpstreamConnection>(io_, deadlines_, upstream);
      *current = connection.get();
      const auto connected = co_await connection->connect(tls_->of(upstream));
      if (!connected) {
        *current = nullptr;
        last_error_ = connection->error_text();
        co_return connected.error();
      }
    }
    *current = connection.get();
    auto done = co_await connection->send(request, fixed_heads_[upstream.id]);
    // Whoever refuses a long body answers and hangs up without reading it: that answer is the one to pass on.
    if (done || done.error() == UpstreamFault::Closed) done = co_await connection->read_head();
    *current = nullptr;
    if (done) co_return std::make_unique<PooledExchange>(*this, upstream, std::move(connection));
    // The upstream closed a connection that waited in the pool, as it may at any time: nobody has read the request.
    if (!pooled || done.error() != UpstreamFault::Closed || !connection->untouched()) {
      last_error_ = connection->error_text();
      co_return done.error();
    }
    connection.reset();
    pooled = false;
  }
}

}  // namespace swarm::gateway
