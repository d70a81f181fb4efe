#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <functional>
#include <list>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "libs/async/guarded.hpp"

namespace swarm::gateway::testing {

using Socket = boost::asio::ip::tcp::socket;

/// Blocking, and quiet: a peer that is gone is what some tests are about.
inline bool put(Socket& socket, std::string_view text) {
  boost::system::error_code error;
  boost::asio::write(socket, boost::asio::buffer(text), error);
  return !error;
}

/// Appends what has come; false at the end.
inline bool get_some(Socket& socket, std::string& text) {
  std::array<char, 16 * 1024> piece;
  boost::system::error_code error;
  const std::size_t n = socket.read_some(boost::asio::buffer(piece), error);
  text.append(piece.data(), n);
  return n > 0;
}

inline void reset(Socket& socket) {
  boost::system::error_code ignored;
  socket.set_option(boost::asio::socket_base::linger(true, 0), ignored);
  socket.close(ignored);
}

/// A provider in this process: one thread accepts, and one serves each connection by a script that has the socket to itself.
/// Everything is joined by the destructor.
class ScriptedUpstream {
 public:
  /// Answers one request, given whole.
  using Script = std::function<void(Socket&, const std::string& request)>;

  explicit ScriptedUpstream(Script script) : script_(std::move(script)), acceptor_(io_, {boost::asio::ip::address_v4::loopback(), 0}) {
    port_ = acceptor_.local_endpoint().port();
    accepting_ = std::thread([this] { accept(); });
  }
  ~ScriptedUpstream() {
    stopping_ = true;
    ::shutdown(acceptor_.native_handle(), SHUT_RDWR);
    accepting_.join();
    open_.with([](auto& open) {
      for (const auto& [id, handle] : open) ::shutdown(handle, SHUT_RDWR);
    });
    for (auto& thread : serving_) thread.join();
  }
  ScriptedUpstream(const ScriptedUpstream&) = delete;
  ScriptedUpstream& operator=(const ScriptedUpstream&) = delete;

  std::string port() const { return std::to_string(port_); }
  std::string base_url() const { return "http://127.0.0.1:" + port() + "/v1"; }
  std::vector<std::string> requests() const { return requests_.with([](const auto& all) { return all; }); }
  std::size_t count() const { return requests_.with([](const auto& all) { return all.size(); }); }

 private:
  void accept() {
    while (!stopping_) {
      Socket socket(io_);
      boost::system::error_code error;
      acceptor_.accept(socket, error);
      if (error) return;
      serving_.emplace_back([this, taken = std::move(socket)]() mutable { serve(taken); });
    }
  }
  void serve(Socket& socket) {
    const int id = next_id_++;
    open_.with([&](auto& open) { open[id] = socket.native_handle(); });
    if (!stopping_) {
      std::string request;
      while (socket.is_open() && read_request(socket, request)) {
        requests_.with([&](auto& all) { all.push_back(request); });
        script_(socket, request);
      }
    }
    open_.with([&](auto& open) { open.erase(id); });
  }
  static bool read_request(Socket& socket, std::string& request) {
    request.clear();
    std::size_t head = std::string::npos;
    while ((head = request.find("\r\n\r\n")) == std::string::npos) {
      if (!get_some(socket, request)) return false;
    }
    std::size_t length = 0;
    const std::size_t field = request.find("content-length: ");
    if (field < head) std::from_chars(request.data() + field + 16, request.data() + head, length);
    while (request.size() < head + 4 + length) {
      if (!get_some(socket, request)) return false;
    }
    return true;
  }

  Script script_;
  boost::asio::io_context io_;
  boost::asio::ip::tcp::acceptor acceptor_;
  int port_ = 0;
  std::atomic<bool> stopping_ = false;
  std::atomic<int> next_id_ = 0;
  async::Guarded<std::map<int, int>> open_;
  async::Guarded<std::vector<std::string>> requests_;
  std::list<std::thread> serving_;
  std::thread accepting_;
};

/// A whole answer; `headers` are lines with CRLF.
inline std::string answer(std::string_view body, std::string_view status = "200 OK", std::string_view headers = "") {
  return "HTTP/1.1 " + std::string(status) + "\r\ncontent-type: application/json\r\n" + std::string(headers) +
         "content-length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

inline constexpr std::string_view kStreamHead = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

inline std::string chunk(std::string_view text) {
  std::array<char, 16> size;
  const auto end = std::to_chars(size.data(), size.data() + size.size(), text.size(), 16).ptr;
  return std::string(size.data(), end) + "\r\n" + std::string(text) + "\r\n";
}

/// A chat completion of `content` with a usage of 10 and 5 tokens.
inline std::string completion(std::string_view content = "hello") {
  return R"({"id":"c1","object":"chat.completion","created":1,"model":"small","choices":[{"index":0,"message":{"role":"assistant","content":")" +
         std::string(content) + R"("},"finish_reason":"stop"}],"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15}})";
}

/// One event of a chat stream, as a chunk.
inline std::string event(std::string_view content) {
  return chunk(R"(data: {"choices":[{"index":0,"delta":{"content":")" + std::string(content) + "\"}}]}\n\n");
}

}  // namespace swarm::gateway::testing
