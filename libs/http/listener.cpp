#include "libs/http/listener.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <list>

#include "libs/http/endpoint.hpp"

namespace swarm::http {
namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

constexpr auto kPauseAtLimit = std::chrono::milliseconds(10);
constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
using SharePort = asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;

int open_spare() { return ::open("/dev/null", O_RDONLY | O_CLOEXEC); }

bool at_descriptor_limit(const boost::system::error_code& error) {
  return error == asio::error::no_descriptors || error == boost::system::errc::too_many_files_open_in_system;
}

}  // namespace

struct Listener::Impl {
  using Signals = std::list<asio::cancellation_signal>;

  Impl(asio::io_context& context, ListenerOptions opts, Session serve)
      : io(context), options(std::move(opts)), session(std::move(serve)), acceptor(context), pause(context) {}
  ~Impl() {
    if (spare >= 0) ::close(spare);
  }

  asio::awaitable<void> accept_all() {
    while (!stopping) {
      auto [error, socket] = co_await acceptor.async_accept(kAwait);
      if (stopping) co_return;
      if (error) {
        co_await survive(error);
      } else if (const auto peer = peer_behind(socket); signals.size() >= options.connections_max || !take_share(peer)) {
        ++shed;
      } else {
        serve(std::move(socket), peer);
      }
    }
  }

  /// At the descriptor limit the waiting connection would wake accept again and again: the spare descriptor is given up
  /// to take it in and close it, so that its peer learns of it.
  asio::awaitable<void> survive(boost::system::error_code error) {
    if (at_descriptor_limit(error) && spare >= 0) {
      ::close(spare);
      const int taken = ::accept(acceptor.native_handle(), nullptr, nullptr);
      if (taken >= 0) {
        ::close(taken);
        ++shed;
      }
      spare = open_spare();
    }
    pause.expires_after(kPauseAtLimit);
    co_await pause.async_wait(kAwait);
  }

  static std::optional<Peer> peer_behind(const tcp::socket& socket) {
    boost::system::error_code gone;
    const auto remote = socket.remote_endpoint(gone);
    return gone ? std::nullopt : peer_of(remote.data());
  }

  bool take_share(const std::optional<Peer>& peer) { return !options.peers || !peer || options.peers->take(*peer); }

  void serve(tcp::socket socket, const std::optional<Peer>& peer) {
    boost::system::error_code ignored;  // a peer that is gone already shows at the first read
    socket.set_option(tcp::no_delay(true), ignored);
    const auto signal = signals.emplace(signals.end());
    auto done = [this, signal, peer](std::exception_ptr failure) {
      signals.erase(signal);
      if (options.peers && peer) options.peers->give_back(*peer);
      if (failure) std::rethrow_exception(failure);
    };
    asio::co_spawn(io, session(std::move(socket)), asio::bind_cancellation_slot(signal->slot(), std::move(done)));
  }

  void emit(asio::cancellation_type type) {
    // A session may end, and erase its signal, while it is being told.
    for (auto it = signals.begin(); it != signals.end();) (it++)->emit(type);
  }

  asio::io_context& io;
  ListenerOptions options;
  Session session;
  tcp::acceptor acceptor;
  asio::steady_timer pause;
  Signals signals;
  int spare = open_spare();
  std::uint64_t shed = 0;
  bool stopping = false;
};

Listener::Listener(asio::io_context& io, ListenerOptions options, Session session)
    : impl_(std::make_unique<Impl>(io, std::move(options), std::move(session))) {}
Listener::~Listener() = default;

Result<void> Listener::start() {
  BOOST_OUTCOME_TRY(const auto endpoint, parse_endpoint(impl_->options.listen));
  auto& acceptor = impl_->acceptor;
  boost::system::error_code failed;
  acceptor.open(endpoint.protocol(), failed);
  if (!failed) acceptor.set_option(tcp::acceptor::reuse_address(true), failed);
  if (!failed && impl_->options.share_port) acceptor.set_option(SharePort(true), failed);
  if (!failed) acceptor.bind(endpoint, failed);
  if (!failed) acceptor.listen(asio::socket_base::max_listen_connections, failed);
  if (failed) {
    return Error{Code::Unavailable, "can't listen on " + impl_->options.listen + ": " + failed.message() +
                                        "; stop the other program or choose another port"};
  }
  asio::co_spawn(impl_->io, impl_->accept_all(), [](std::exception_ptr failure) {
    if (failure) std::rethrow_exception(failure);
  });
  return outcome::success();
}

std::string Listener::address() const { return to_text(impl_->acceptor.local_endpoint()); }
int Listener::port() const { return impl_->acceptor.local_endpoint().port(); }
std::uint64_t Listener::shed() const { return impl_->shed; }
bool Listener::stopping() const { return impl_->stopping; }

void Listener::begin_drain() {
  impl_->stopping = true;
  boost::system::error_code ignored;  // closed already
  impl_->acceptor.close(ignored);
  impl_->pause.cancel();
  impl_->emit(asio::cancellation_type::total);
}

void Listener::cancel_all() { impl_->emit(asio::cancellation_type::terminal); }

}  // namespace swarm::http
