#include "libs/http/fetch.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <catch2/catch.hpp>
#include <future>
#include <thread>

using namespace swarm;
namespace asio = boost::asio;

namespace {

/// Answers one request with these bytes, or keeps silent until it is destroyed.
class OneAnswer {
 public:
  explicit OneAnswer(std::string bytes) : thread_([this, answer = std::move(bytes)] { serve(answer); }) {}
  ~OneAnswer() {
    boost::system::error_code ignored;  // closed by the other side already
    socket_.shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
    thread_.join();
  }
  http::Url url() const { return http::Url::parse("http://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port()) + "/keys?a=b").value(); }
  std::string request() { return request_.get_future().get(); }

 private:
  void serve(const std::string& answer) {
    acceptor_.accept(socket_);
    boost::system::error_code ended;
    std::string request;
    asio::read_until(socket_, asio::dynamic_buffer(request), "\r\n\r\n", ended);
    request_.set_value(std::move(request));
    asio::write(socket_, asio::buffer(answer), ended);
    char byte = 0;
    if (answer.empty()) asio::read(socket_, asio::buffer(&byte, 1), ended);
  }

  asio::io_context io_;
  asio::ip::tcp::acceptor acceptor_{io_, {asio::ip::address_v4::loopback(), 0}};
  asio::ip::tcp::socket socket_{io_};
  std::promise<std::string> request_;
  std::thread thread_;
};

http::FetchOptions quick() {
  http::FetchOptions options;
  options.time_max = std::chrono::milliseconds(300);
  options.answer_bytes_max = 100;
  return options;
}

}  // namespace

TEST_CASE("an address of one request is read, and what is none is refused with the reason", "[http]") {
  for (const char* bad : {"ftp://x", "http://", "http://:4318/", "http://x:99x/", "http://a b/", "http://u@h/", "x", "", "https://x:/"}) {
    INFO(bad);
    CHECK(http::Url::parse(bad).error().code == Code::InvalidArgument);
  }
  const auto url = http::Url::parse("https://[::1]:9000/a?b").value();
  CHECK((url.tls && url.host == "::1" && url.port == "9000" && url.path == "/a?b"));
  CHECK(http::Url::parse("https://x").value().port == "443");
  CHECK(http::Url::parse("http://x").value().port == "80");
  CHECK(http::Url::parse("http://x/", "4318").value().port == "4318");
}

TEST_CASE("a request gets its answer, in bounds of time and size", "[http][net]") {
  {
    OneAnswer server("HTTP/1.1 203 Fine\r\ncontent-length: 2\r\n\r\nok");
    const auto answer = http::fetch(server.url(), "", "", quick());
    REQUIRE(answer);
    CHECK((answer.value().status == 203 && answer.value().body == "ok"));
    CHECK(server.request().starts_with("GET /keys?a=b HTTP/1.1\r\n"));
  }
  {
    OneAnswer large("HTTP/1.1 200 OK\r\ncontent-length: 101\r\n\r\n" + std::string(101, 'x'));
    CHECK(http::fetch(large.url(), "", "", quick()).error().code == Code::Unavailable);
  }
  OneAnswer silent("");
  const auto begin = std::chrono::steady_clock::now();
  CHECK(http::fetch(silent.url(), "text/plain", "hello", quick()).error().code == Code::Unavailable);
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(3));
  CHECK(silent.request().starts_with("POST "));
}

TEST_CASE("a request that is asked to stop ends without its answer", "[http][net]") {
  asio::io_context io;
  const asio::ip::tcp::acceptor silent(io, {asio::ip::address_v4::loopback(), 0});  // the kernel connects, and that is all
  std::stop_source source;
  auto options = quick();
  options.time_max = std::chrono::minutes(5);
  options.stop = source.get_token();
  const std::jthread stopper([&source] { source.request_stop(); });
  const auto url = http::Url::parse("http://127.0.0.1:" + std::to_string(silent.local_endpoint().port())).value();
  CHECK(http::fetch(url, "", "", options).error().code == Code::Unavailable);
}
