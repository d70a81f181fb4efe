#include "adapters/upstream/curl_loop.hpp"

#include <chrono>

#include "libs/base/check.hpp"

namespace swarm::gateway {
namespace asio = boost::asio;
namespace {

constexpr long kIdleConnectionsMax = 64;

}  // namespace

std::shared_ptr<CurlLoop> CurlLoop::make(asio::io_context& io) { return std::shared_ptr<CurlLoop>(new CurlLoop(io)); }

CurlLoop::CurlLoop(asio::io_context& io) : io_(io), multi_(curl_multi_init()), timer_(io) {
  SWARM_CHECK(multi_ != nullptr, "libcurl has memory to begin with");
  curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &CurlLoop::on_socket);
  curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &CurlLoop::on_timer);
  curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
  curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, kIdleConnectionsMax);
}

CurlLoop::~CurlLoop() {
  curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, nullptr);
  curl_multi_cleanup(multi_);  // lets go of its sockets by on_socket
  for (auto& [socket, watch] : watches_) watch->socket.release();
}

void CurlLoop::add(CURL* easy, Ended* whom) {
  curl_easy_setopt(easy, CURLOPT_PRIVATE, whom);
  curl_multi_add_handle(multi_, easy);
}

void CurlLoop::remove(CURL* easy) { curl_multi_remove_handle(multi_, easy); }

int CurlLoop::on_socket(CURL*, curl_socket_t socket, int what, void* self, void*) {
  static_cast<CurlLoop*>(self)->watch(socket, what);
  return 0;
}

int CurlLoop::on_timer(CURLM*, long after_ms, void* self) {
  static_cast<CurlLoop*>(self)->set_timer(after_ms);
  return 0;
}

void CurlLoop::watch(curl_socket_t socket, int what) {
  const auto known = watches_.find(socket);
  if (what == CURL_POLL_REMOVE) {
    if (known == watches_.end()) return;
    known->second->socket.release();  // libcurl closes it
    watches_.erase(known);
    return;
  }
  auto& place = watches_[socket];
  if (!place) {
    place = std::make_shared<Watch>(io_);
    boost::system::error_code error;
    place->socket.assign(socket, error);
  }
  place->wanted = what;
  arm(socket, place);
}

void CurlLoop::arm(curl_socket_t socket, const std::shared_ptr<Watch>& watch) {
  using Socket = asio::posix::stream_descriptor;
  const auto wait = [&](bool wanted, bool& waiting, Socket::wait_type type, int how) {
    if (!wanted || waiting) return;
    waiting = true;
    // What waits may end after the loop, or after its socket's number was given to another.
    watch->socket.async_wait(type, [self = weak_from_this(), watch, socket, how](const boost::system::error_code& error) {
      (how == CURL_CSELECT_IN ? watch->reading : watch->writing) = false;
      const auto loop = self.lock();
      if (error || !loop) return;
      const auto now = loop->watches_.find(socket);
      if (now == loop->watches_.end() || now->second != watch) return;
      loop->ready(socket, how);
    });
  };
  wait((watch->wanted & CURL_POLL_IN) != 0, watch->reading, Socket::wait_read, CURL_CSELECT_IN);
  wait((watch->wanted & CURL_POLL_OUT) != 0, watch->writing, Socket::wait_write, CURL_CSELECT_OUT);
}

void CurlLoop::ready(curl_socket_t socket, int how) {
  int running = 0;
  curl_multi_socket_action(multi_, socket, how, &running);
  if (const auto still = watches_.find(socket); still != watches_.end()) arm(socket, still->second);
  collect();
}

void CurlLoop::set_timer(long after_ms) {
  timer_.cancel();
  if (after_ms < 0) return;
  timer_.expires_after(std::chrono::milliseconds(after_ms));
  timer_.async_wait([self = weak_from_this()](const boost::system::error_code& error) {
    const auto loop = self.lock();
    if (error || !loop) return;
    int running = 0;
    curl_multi_socket_action(loop->multi_, CURL_SOCKET_TIMEOUT, 0, &running);
    loop->collect();
  });
}

void CurlLoop::collect() {
  int left = 0;
  while (CURLMsg* told = curl_multi_info_read(multi_, &left)) {
    if (told->msg != CURLMSG_DONE) continue;
    const CURLcode result = told->data.result;
    Ended* whom = nullptr;
    curl_easy_getinfo(told->easy_handle, CURLINFO_PRIVATE, &whom);
    if (whom != nullptr) whom->ended(result);
  }
}

}  // namespace swarm::gateway
