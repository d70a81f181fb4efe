#include "libs/http/listener.hpp"

#include <sys/resource.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <catch2/catch.hpp>

#include <thread>

#include "libs/http/endpoint.hpp"
#include "libs/testing/eventually.hpp"

namespace asio = boost::asio;
using asio::ip::tcp;
using namespace swarm;
using namespace swarm::http;
using namespace std::chrono_literals;

namespace {

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);

/// A listener whose sessions echo one byte at a time; the byte 'w' makes a session work for a while first.
struct Echo {
  explicit Echo(std::size_t connections_max = 100)
      : listener(io, {"127.0.0.1:0", connections_max, false, nullptr}, [this](tcp::socket s) { return serve(std::move(s)); }) {
    REQUIRE(listener.start().has_value());
    port = static_cast<unsigned short>(listener.port());
    thread = std::jthread([this] { io.run(); });
  }
  ~Echo() {
    drain();
    on_thread([this] { listener.cancel_all(); });
  }
  void drain() { on_thread([this] { listener.begin_drain(); }); }

  template <class F>
  void on_thread(F f) { asio::post(io, f); }

  asio::awaitable<void> serve(tcp::socket socket) {
    char byte = 0;
    while (!listener.stopping()) {
      co_await asio::this_coro::reset_cancellation_state(asio::enable_total_cancellation());
      auto [failed, n] = co_await socket.async_read_some(asio::buffer(&byte, 1), kAwait);
      if (failed) co_return;
      co_await asio::this_coro::reset_cancellation_state(asio::enable_terminal_cancellation());
      if (byte == 'w') {
        working = true;
        asio::steady_timer timer(io, work_time);
        auto [cancelled] = co_await timer.async_wait(kAwait);
        if (cancelled) co_return;
      }
      co_await asio::async_write(socket, asio::buffer(&byte, 1), kAwait);
    }
  }

  tcp::socket connect() {
    tcp::socket socket(client_io);
    socket.connect({asio::ip::address_v4::loopback(), port});
    return socket;
  }
  /// What comes back for one byte, or 0 when the connection ends.
  static char ask(tcp::socket& socket, char byte) {
    boost::system::error_code failed;
    asio::write(socket, asio::buffer(&byte, 1), failed);
    return answer(socket);
  }
  static char answer(tcp::socket& socket) {
    char byte = 0;
    boost::system::error_code failed;
    asio::read(socket, asio::buffer(&byte, 1), failed);
    return failed ? '\0' : byte;
  }

  asio::io_context io;
  asio::io_context client_io;
  Listener listener;
  unsigned short port = 0;
  std::atomic<bool> working = false;
  std::chrono::milliseconds work_time = 300ms;
  std::jthread thread;
};

}  // namespace

TEST_CASE("connections are served, and those beyond the bound are closed at once", "[listener]") {
  Echo echo(2);
  auto a = echo.connect();
  auto b = echo.connect();
  CHECK(Echo::ask(a, 'x') == 'x');
  CHECK(Echo::ask(b, 'y') == 'y');
  auto c = echo.connect();
  CHECK(Echo::answer(c) == '\0');
  CHECK(Echo::ask(a, 'z') == 'z');
}

TEST_CASE("a drain ends idle connections at once and lets work finish", "[listener]") {
  Echo echo;
  auto idle = echo.connect();
  CHECK(Echo::ask(idle, 'x') == 'x');
  auto busy = echo.connect();
  asio::write(busy, asio::buffer("w", 1));
  REQUIRE(swarm::testing::eventually([&] { return echo.working.load(); }));
  const auto start = std::chrono::steady_clock::now();
  echo.drain();
  CHECK(Echo::answer(idle) == '\0');
  CHECK(std::chrono::steady_clock::now() - start < 200ms);
  CHECK(Echo::answer(busy) == 'w');
  CHECK(Echo::answer(busy) == '\0');
}

TEST_CASE("the second phase ends work that does not finish", "[listener]") {
  Echo echo;
  echo.work_time = 1h;
  auto busy = echo.connect();
  asio::write(busy, asio::buffer("w", 1));
  REQUIRE(swarm::testing::eventually([&] { return echo.working.load(); }));
  echo.drain();
  echo.on_thread([&] { echo.listener.cancel_all(); });
  CHECK(Echo::answer(busy) == '\0');
}

TEST_CASE("at the descriptor limit new connections are shed, and later ones served again", "[listener]") {
  Echo echo;
  auto before = echo.connect();
  CHECK(Echo::ask(before, 'x') == 'x');
  tcp::socket late(echo.client_io);
  late.open(tcp::v4());
  const int highest = ::dup(0);
  ::close(highest);
  rlimit old{};
  getrlimit(RLIMIT_NOFILE, &old);
  rlimit low = old;
  low.rlim_cur = static_cast<rlim_t>(highest);
  setrlimit(RLIMIT_NOFILE, &low);
  late.connect({asio::ip::address_v4::loopback(), echo.port});
  CHECK(Echo::answer(late) == '\0');
  CHECK(Echo::ask(before, 'y') == 'y');
  setrlimit(RLIMIT_NOFILE, &old);
  auto after = echo.connect();
  CHECK(Echo::ask(after, 'z') == 'z');
}

TEST_CASE("a port in use is an error that says what to do", "[listener]") {
  Echo echo;
  asio::io_context io;
  Listener second(io, {"127.0.0.1:" + std::to_string(echo.port), 1, false}, {});
  const auto result = second.start();
  REQUIRE_FALSE(result.has_value());
  CHECK(result.error().message.find("Address already in use") != std::string::npos);
}

TEST_CASE("addresses to listen on", "[endpoint]") {
  CHECK(to_text(parse_endpoint("127.0.0.1:80").value()) == "127.0.0.1:80");
  CHECK(to_text(parse_endpoint("[::1]:80").value()) == "[::1]:80");
  CHECK(to_text(parse_endpoint("localhost:0").value()) == "127.0.0.1:0");
  CHECK(to_text(parse_endpoint(":8080").value()) == "[::]:8080");
  for (const char* bad : {"", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:x", "nowhere:80", "127.0.0.1:80 "}) {
    INFO(bad);
    CHECK_FALSE(parse_endpoint(bad).has_value());
  }
}

TEST_CASE("a peer has its share of connections, whatever port it comes from, and loopback has no bound", "[http]") {
  const auto from = [](const char* address, unsigned short from_port) {
    const auto endpoint = tcp::endpoint(asio::ip::make_address(address), from_port);
    return *peer_of(endpoint.data());
  };
  PeerShares shares(2);
  CHECK(shares.take(from("192.0.2.1", 1)));
  CHECK(shares.take(from("192.0.2.1", 2)));
  CHECK_FALSE(shares.take(from("192.0.2.1", 3)));
  CHECK(shares.take(from("192.0.2.2", 1)));
  shares.give_back(from("192.0.2.1", 1));
  CHECK(shares.take(from("192.0.2.1", 4)));
  CHECK(shares.take(from("2001:db8::1", 1)));
  CHECK(shares.take(from("2001:db8::2", 1)));
  CHECK_FALSE(shares.take(from("2001:db8::3", 1)));
  for (unsigned short i = 1; i < 100; ++i) CHECK((shares.take(from("127.0.0.1", i)) && shares.take(from("::1", i))));
}
