// A model server that costs as little as possible, so that a benchmark measures the proxy before it: one thread, epoll, no
// parsing beyond Content-Length. Answers each POST with 1 kB of JSON, or, when the body's head says "stream":true, with
// server-sent events. `"user":"tokens=N"` in the body's head sets the completion tokens that it reports.
//
//   model_mock [--events N] [--interval-ms N] [--delay-ms N]      prints its port on standard output
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace {

using Clock = std::chrono::steady_clock;

struct Options {
  int events = 20;
  std::chrono::milliseconds interval{10};
  std::chrono::milliseconds delay{0};
};

struct Connection {
  int fd = -1;
  std::string in;
  std::string out;
  std::size_t body_left = 0;   // bytes of the current request that are still to come
  bool stream = false;
  int tokens = 100;
  int events_left = 0;
  std::multimap<Clock::time_point, Connection*>::iterator timer;
  bool timed = false;
};

std::size_t number_after(std::string_view text, std::string_view name, std::size_t otherwise) {
  const auto at = text.find(name);
  return at == std::string_view::npos ? otherwise : std::strtoul(text.data() + at + name.size(), nullptr, 10);
}

std::string chunk(std::string_view payload) {
  char size[20];
  std::snprintf(size, sizeof size, "%zx\r\n", payload.size());
  return std::string(size) + std::string(payload) + "\r\n";
}

std::string plain_answer(int tokens) {
  std::string body = R"({"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"small","choices":[{"index":0,"message":{"role":"assistant","content":")";
  const std::string tail = R"("},"finish_reason":"stop"}],"usage":{"prompt_tokens":75,"completion_tokens":)" + std::to_string(tokens) +
                           R"(,"total_tokens":)" + std::to_string(75 + tokens) + "}}";
  body += std::string(1024 - body.size() - tail.size(), 'a') + tail;
  return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

class Mock {
 public:
  explicit Mock(Options options) : options_(options) {}

  int run() {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener_, 4096) != 0) return 1;
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    std::printf("%d\n", ntohs(address.sin_port));
    std::fflush(stdout);
    epoll_ = ::epoll_create1(0);
    watch(listener_, nullptr);
    while (true) turn();
  }

 private:
  void watch(int fd, Connection* connection) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = connection;
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
  }

  void turn() {
    int wait = -1;
    if (!timers_.empty()) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(timers_.begin()->first - Clock::now());
      wait = static_cast<int>(std::max<std::int64_t>(0, left.count()));
    }
    epoll_event events[256];
    const int n = ::epoll_wait(epoll_, events, 256, wait);
    for (int i = 0; i < n; ++i) {
      auto* connection = static_cast<Connection*>(events[i].data.ptr);
      if (connection == nullptr) accept_all();
      else read(*connection);
    }
    const auto now = Clock::now();
    while (!timers_.empty() && timers_.begin()->first <= now) {
      auto* due = timers_.begin()->second;
      timers_.erase(timers_.begin());
      due->timed = false;
      proceed(*due);
    }
  }

  void accept_all() {
    int fd = -1;
    while ((fd = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK)) >= 0) {
      const int on = 1;
      ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      auto* connection = new Connection;  // deleted by end()
      connection->fd = fd;
      watch(fd, connection);
    }
  }

  void end(Connection& connection) {
    if (connection.timed) timers_.erase(connection.timer);
    ::close(connection.fd);
    delete &connection;
  }

  void read(Connection& c) {
    char buffer[65536];
    const auto n = ::recv(c.fd, buffer, sizeof buffer, 0);
    if (n <= 0) {
      end(c);
      return;
    }
    std::string_view bytes(buffer, static_cast<std::size_t>(n));
    if (c.body_left > 0) {
      const auto taken = std::min(c.body_left, bytes.size());
      c.body_left -= taken;
      if (c.body_left == 0) answer(c);
      return;
    }
    c.in.append(bytes);
    const auto head_end = c.in.find("\r\n\r\n");
    if (head_end == std::string::npos) return;
    auto length = number_after(std::string_view(c.in).substr(0, head_end), "Content-Length: ", 0);
    if (length == 0) length = number_after(std::string_view(c.in).substr(0, head_end), "content-length: ", 0);
    const auto have = c.in.size() - head_end - 4;
    const auto body_head = std::string_view(c.in).substr(head_end + 4, 256);
    c.stream = body_head.find("\"stream\":true") != std::string_view::npos;
    c.tokens = static_cast<int>(number_after(body_head, "tokens=", 100));
    c.body_left = length > have ? length - have : 0;
    c.in.clear();
    if (c.body_left == 0) answer(c);
  }

  void later(Connection& c, std::chrono::milliseconds wait) {
    c.timer = timers_.emplace(Clock::now() + wait, &c);
    c.timed = true;
  }

  void answer(Connection& c) {
    c.events_left = c.stream ? options_.events : 0;
    if (options_.delay.count() > 0) later(c, options_.delay);
    else proceed(c);
  }

  void proceed(Connection& c) {
    if (!c.stream) {
      if (c.tokens != cached_tokens_) cached_ = plain_answer(cached_tokens_ = c.tokens);
      send(c, cached_);
      return;
    }
    std::string out;
    if (c.events_left == options_.events) {
      out = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nX-Accel-Buffering: no\r\nTransfer-Encoding: chunked\r\n\r\n";
    }
    if (c.events_left > 0) {
      out += chunk("data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"small\",\"choices\":[{\"index\":0,"
                   "\"delta\":{\"content\":\"token \"},\"finish_reason\":null}]}\n\n");
      --c.events_left;
      later(c, options_.interval);
    } else {
      out += chunk("data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"small\",\"choices\":[],\"usage\":"
                   "{\"prompt_tokens\":75,\"completion_tokens\":" + std::to_string(c.tokens) + ",\"total_tokens\":" +
                   std::to_string(75 + c.tokens) + "}}\n\ndata: [DONE]\n\n") + "0\r\n\r\n";
    }
    send(c, out);
  }

  static void send(Connection& c, std::string_view bytes) {
    // Answers are small against a socket's buffer; a peer that does not read is not waited for.
    [[maybe_unused]] const auto n = ::send(c.fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }

  Options options_;
  int listener_ = -1;
  int epoll_ = -1;
  int cached_tokens_ = -1;
  std::string cached_;
  std::multimap<Clock::time_point, Connection*> timers_;
};

}  // namespace

int main(int argc, char** argv) {
  Options options;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    const int value = std::atoi(argv[i + 1]);
    if (name == "--events") options.events = value;
    else if (name == "--interval-ms") options.interval = std::chrono::milliseconds(value);
    else if (name == "--delay-ms") options.delay = std::chrono::milliseconds(value);
    else return 2;
  }
  return Mock(options).run();
}
