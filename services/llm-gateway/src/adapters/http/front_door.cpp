#include "adapters/http/front_door.hpp"

#include <algorithm>

#include "adapters/http/routes.hpp"
#include "libs/base/uuid.hpp"

namespace swarm::gateway {
namespace asio = boost::asio;
namespace {

std::string_view path_of(std::string_view target) { return target.substr(0, target.find('?')); }

bool may_pass(std::string_view method) {
  return method == "GET" || method == "POST" || method == "PUT" || method == "PATCH" || method == "DELETE";
}

Problem no_route(const http::Head& head, bool known) {
  Problem problem;
  problem.kind = known ? ProblemKind::MethodNotAllowed : ProblemKind::NotFound;
  problem.message = (known ? "this path does not take " : "no such path: ") + std::string(head.method) + " " +
                    std::string(path_of(head.target).substr(0, 200));
  return problem;
}

}  // namespace

FrontDoor::FrontDoor(asio::io_context& io, async::Deadlines& deadlines, Relay& relay, Probe& probe, const Clock& clock, Options options,
                     std::unique_ptr<ServerTls> tls)
    : deadlines_(deadlines), relay_(relay), probe_(probe), clock_(clock), options_(std::move(options)), tls_(std::move(tls)),
      listener_(io, options_.listener, [this](asio::ip::tcp::socket socket) { return serve(std::move(socket)); }) {
  deadlines_.on_tick([this] { look_for_hangups(); });
}

Result<void> FrontDoor::start() { return listener_.start(); }

void FrontDoor::begin_drain() {
  draining_ = true;
  listener_.begin_drain();
  for (ClientConnection* connection : connections_) connection->drain();
}

void FrontDoor::cancel_all() {
  const auto open = connections_;
  for (ClientConnection* connection : open) {
    connection->close();
    connection->caller_gone();
  }
}

void FrontDoor::look_for_hangups() {
  polled_.clear();
  watched_.clear();
  for (ClientConnection* connection : connections_) {
    if (!connection->watched()) continue;
    polled_.push_back({connection->native_handle(), POLLRDHUP, 0});
    watched_.push_back(connection);
  }
  if (polled_.empty() || ::poll(polled_.data(), polled_.size(), 0) <= 0) return;
  for (std::size_t i = 0; i < polled_.size(); ++i) {
    if ((polled_[i].revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0) watched_[i]->caller_gone();
  }
}

asio::awaitable<void> FrontDoor::serve(asio::ip::tcp::socket socket) {
  ClientConnection connection(std::move(socket), deadlines_, options_.limits);
  connections_.push_back(&connection);
  probe_.connection_opened();
  if (draining_) connection.drain();
  ClientRequest request;
  bool open = true;
  if (tls_) open = co_await connection.handshake(tls_->context());
  while (open) {
    Problem problem;
    const auto incoming = co_await connection.next(request, problem);
    if (incoming == ClientConnection::Incoming::Closed) break;
    if (incoming == ClientConnection::Incoming::Refused) {
      co_await refuse(connection, request, std::move(problem));
      co_await connection.linger();
      break;
    }
    co_await answer(connection, request);
    if (!connection.finished()) break;
  }
  std::erase(connections_, &connection);
  probe_.connection_closed();
}

Call FrontDoor::call_of(const ClientRequest& request) const {
  Call call;
  const http::Head& head = request.head;
  const Route route = route_of(path_of(head.target));
  call.surface = route.surface;
  call.dialect = route.dialect;
  call.head = &head;
  call.path = head.target;
  call.body = request.body;
  call.padding = request.padding;
  call.credential = credential_of(head);
  call.task = head.find("x-swarm-task-id");
  call.task_token = head.find("x-swarm-task-token");
  call.request_id = uuid_v7(clock_.wall_now());
  call.trace = trace::continue_or_start(head.find("traceparent"));
  call.begin = clock_.boot_now();
  return call;
}

asio::awaitable<void> FrontDoor::answer(ClientConnection& connection, const ClientRequest& request) {
  const Call call = call_of(request);
  const bool post = request.head.method == "POST";
  const bool get = request.head.method == "GET" || request.head.method == "HEAD";
  if (call.surface == Surface::Models ? get : post && call.surface != Surface::Other) {
    if (call.surface == Surface::Models) {
      if (const auto model = model_of(path_of(call.path))) co_await relay_.show_model(call, connection, *model);
      else co_await relay_.list_models(call, connection);
    } else {
      co_await relay_.serve(call, connection);
    }
    co_return;
  }
  if (call.surface == Surface::Other && may_pass(request.head.method) && relay_.passes_on(path_of(call.path))) {
    co_await relay_.serve(call, connection);
    co_return;
  }
  co_await relay_.refuse(call, connection, no_route(request.head, call.surface != Surface::Other));
}

/// What could not be read may have no path; then nobody's dialect is known.
asio::awaitable<void> FrontDoor::refuse(ClientConnection& connection, const ClientRequest& request, Problem problem) {
  const Call call = call_of(request);
  co_await relay_.refuse(call, connection, std::move(problem));
}

}  // namespace swarm::gateway
