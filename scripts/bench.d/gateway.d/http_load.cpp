// Load for an OpenAI-compatible endpoint on loopback: one thread, epoll, prepared requests. Prints one JSON object.
//
//   http_load --port P [--connections 64] [--seconds 3] [--rate R] [--prompt-bytes 300] [--stream 1] [--hold 1]
//             [--key K] [--tokens N] [--max-tokens N]
//
// Without --rate every connection asks again as soon as it is answered. With it, requests start at their scheduled times
// and latency counts from there, so a slow server can't hide its queue. With --stream the latency is that of the first
// event. With --hold every connection opens one stream and keeps it until the time is over.
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
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

struct Options {
  int port = 0;
  int connections = 64;
  double seconds = 3;
  double rate = 0;
  int prompt_bytes = 300;
  bool stream = false;
  bool hold = false;
  std::string key = "sk-bench";
  int tokens = 100;
  int max_tokens = 512;
};

struct Connection {
  int fd = -1;
  bool busy = false;
  bool first_seen = false;
  Clock::time_point start;
  std::string in;
  std::size_t sent = 0;
};

std::string make_request(const Options& o) {
  const std::string body = std::string("{") + (o.stream ? R"("stream":true,)" : "") + R"("user":"tokens=)" + std::to_string(o.tokens) +
                           R"(","model":"small","max_tokens":)" + std::to_string(o.max_tokens) +
                           R"(,"messages":[{"role":"user","content":")" + std::string(static_cast<std::size_t>(o.prompt_bytes), 'x') + R"("}]})";
  return "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer " + o.key +
         "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

class Load {
 public:
  explicit Load(Options options) : options_(std::move(options)), request_(make_request(options_)) {}

  int run() {
    epoll_ = ::epoll_create1(0);
    connections_.resize(static_cast<std::size_t>(options_.connections));
    for (auto& c : connections_) {
      if (!connect(c)) return 1;
    }
    const auto begin = Clock::now();
    end_ = begin + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(options_.seconds));
    next_ = begin;
    for (auto& c : connections_) {
      if (options_.rate > 0) idle_.push_back(&c);
      else start(c, Clock::now());
    }
    while (Clock::now() < end_ || (!options_.hold && options_.rate > 0 && busy_ > 0 && Clock::now() < end_ + std::chrono::seconds(5))) turn();
    report(std::chrono::duration<double>(Clock::now() - begin).count());
    return 0;
  }

 private:
  bool connect(Connection& c) {
    c.fd = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(options_.port));
    if (::connect(c.fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
      std::perror("http_load: connect");
      return false;
    }
    const int on = 1;
    ::setsockopt(c.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = &c;
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, c.fd, &event);
    return true;
  }

  void start(Connection& c, Clock::time_point at) {
    c.busy = true;
    c.first_seen = false;
    c.start = at;
    c.in.clear();
    ++busy_;
    // Blocking: the request of a closed loop has nothing before it in the socket.
    for (std::size_t sent = 0; sent < request_.size();) {
      const auto n = ::send(c.fd, request_.data() + sent, request_.size() - sent, MSG_NOSIGNAL);
      if (n <= 0) return lost(c);
      sent += static_cast<std::size_t>(n);
    }
  }

  void lost(Connection& c) {
    ++errors_;
    if (c.busy) --busy_;
    c.busy = false;
    ::close(c.fd);
    c.in.clear();
    if (!connect(c)) std::exit(1);
    again(c);
  }

  void again(Connection& c) {
    if (options_.rate > 0) idle_.push_back(&c);
    else if (Clock::now() < end_) start(c, Clock::now());
  }

  void turn() {
    int wait = 100;
    if (options_.rate > 0) {
      const auto now = Clock::now();
      while (next_ <= now && next_ < end_ && !idle_.empty()) {
        auto* c = idle_.front();
        idle_.pop_front();
        start(*c, next_);
        next_ += std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(1 / options_.rate));
      }
      wait = next_ - Clock::now() > std::chrono::milliseconds(2) ? 1 : 0;  // awake in time, without a late timer
    }
    epoll_event events[256];
    const int n = ::epoll_wait(epoll_, events, 256, wait);
    for (int i = 0; i < n; ++i) read(*static_cast<Connection*>(events[i].data.ptr));
  }

  void read(Connection& c) {
    char buffer[65536];
    const auto n = ::recv(c.fd, buffer, sizeof buffer, MSG_DONTWAIT);
    if (n < 0) return;
    if (n == 0) return lost(c);
    c.in.append(buffer, static_cast<std::size_t>(n));
    const auto head = c.in.find("\r\n\r\n");
    if (head == std::string::npos) return;
    const bool chunked = c.in.find("chunked") < head;
    if (chunked && !c.first_seen && c.in.find("data:", head) != std::string::npos) {
      c.first_seen = true;
      ++streams_;
      if (options_.stream) latencies_.push_back(std::chrono::duration<double, std::milli>(Clock::now() - c.start).count());
    }
    if (chunked) {
      if (c.in.size() < 5 || std::string_view(c.in).substr(c.in.size() - 5) != "0\r\n\r\n") {
        if (c.in.size() > (1u << 16)) c.in.erase(head + 4, c.in.size() - head - 4 - 16);
        return;
      }
    } else {
      auto at = c.in.find("Content-Length: ");
      if (at == std::string::npos || at > head) at = c.in.find("content-length: ");
      const auto length = at < head ? std::strtoul(c.in.c_str() + at + 16, nullptr, 10) : 0;
      if (c.in.size() < head + 4 + length) return;
    }
    finished(c);
  }

  void finished(Connection& c) {
    ++statuses_[std::atoi(c.in.c_str() + 9)];
    if (!options_.stream) latencies_.push_back(std::chrono::duration<double, std::milli>(Clock::now() - c.start).count());
    const bool close = c.in.find("onnection: close") < c.in.find("\r\n\r\n");
    c.busy = false;
    --busy_;
    if (close) {
      ::close(c.fd);
      if (!connect(c)) std::exit(1);
    }
    again(c);
  }

  void report(double took) {
    std::sort(latencies_.begin(), latencies_.end());
    const auto at = [this](double share) {
      if (latencies_.empty()) return 0.0;
      return latencies_[std::min(latencies_.size() - 1, static_cast<std::size_t>(share * static_cast<double>(latencies_.size())))];
    };
    std::uint64_t answered = 0;
    std::string statuses;
    for (const auto& [status, count] : statuses_) {
      answered += count;
      statuses += (statuses.empty() ? "" : ",") + std::string("\"") + std::to_string(status) + "\":" + std::to_string(count);
    }
    std::printf("{\"seconds\":%.3f,\"answered\":%llu,\"errors\":%llu,\"streams\":%llu,\"p50_ms\":%.4f,\"p99_ms\":%.4f,\"statuses\":{%s}}\n", took,
                static_cast<unsigned long long>(answered), static_cast<unsigned long long>(errors_),
                static_cast<unsigned long long>(streams_), at(0.5), at(0.99), statuses.c_str());
  }

  Options options_;
  std::string request_;
  int epoll_ = -1;
  std::vector<Connection> connections_;
  std::deque<Connection*> idle_;
  std::vector<double> latencies_;
  std::map<int, std::uint64_t> statuses_;
  std::uint64_t errors_ = 0;
  std::uint64_t streams_ = 0;
  std::size_t busy_ = 0;
  Clock::time_point end_;
  Clock::time_point next_;
};

bool parse(int argc, char** argv, Options& o) {
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    const char* value = argv[i + 1];
    if (name == "--port") o.port = std::atoi(value);
    else if (name == "--connections") o.connections = std::atoi(value);
    else if (name == "--seconds") o.seconds = std::atof(value);
    else if (name == "--rate") o.rate = std::atof(value);
    else if (name == "--prompt-bytes") o.prompt_bytes = std::atoi(value);
    else if (name == "--stream") o.stream = std::atoi(value) != 0;
    else if (name == "--hold") o.hold = std::atoi(value) != 0;
    else if (name == "--key") o.key = value;
    else if (name == "--tokens") o.tokens = std::atoi(value);
    else if (name == "--max-tokens") o.max_tokens = std::atoi(value);
    else return false;
  }
  return o.port > 0;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  if (!parse(argc, argv, options)) {
    std::fprintf(stderr, "usage: see the top of http_load.cpp\n");
    return 2;
  }
  if (options.hold) options.stream = true;
  return Load(std::move(options)).run();
}
