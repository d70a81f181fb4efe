#include "adapters/http/front_door.hpp"

#include <algorithm>

#include "adapters/http/routes.hpp"
#include "libs/base/uuid.hpp"

namespace swarm::gateway {
namespace asio = boost::asio;
namespace {

constexpr std::size_t kReadFromAnybody = 64 * 1024;

Problem no_such_path(std::string_view method, std::string_view path) {
  Problem problem;
  problem.kind = ProblemKind::NotFound;
  problem.message = "no such path: " + std::string(method) + " " + std::string(path.substr(0, 200));
  if (const auto meant = probably_meant(path); !meant.empty()) {
    problem.message += "; did you mean " + std::string(meant) + "? A base URL ends in /v1 for OpenAI's clients, and before it for Anthropic's";
  }
  return problem;
}

Problem other_methods(std::string_view method, std::string_view path, std::string_view methods) {
  Problem problem;
  problem.kind = ProblemKind::MethodNotAllowed;
  problem.message = "this path does not take " + std::string(method) + " " + std::string(path.substr(0, 200));
  problem.headers = "allow: " + std::string(methods) + "\r\n";
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
    auto incoming = co_await connection.next(request, problem);
    if (incoming == ClientConnection::Incoming::Begun) {
      bool whole = look_at_head(connection, request, problem);
      if (whole) whole = co_await connection.rest(request, problem);
      if (whole) incoming = ClientConnection::Incoming::Request;
      else incoming = problem.message.empty() ? ClientConnection::Incoming::Closed : ClientConnection::Incoming::Refused;
    }
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
  call.path = origin_form(head.target);
  const Route route = route_of(path_of(call.path));
  call.surface = route.surface;
  call.dialect = route.dialect;
  call.head = &head;
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
  if (auto nowhere = no_route(call)) {
    co_await relay_.refuse(call, connection, std::move(*nowhere));
  } else if (call.surface != Surface::Models) {
    co_await relay_.serve(call, connection);
  } else if (const auto model = model_of(path_of(call.path))) {
    co_await relay_.show_model(call, connection, *model);
  } else {
    co_await relay_.list_models(call, connection);
  }
}

std::optional<Problem> FrontDoor::no_route(const Call& call) const {
  const std::string_view path = path_of(call.path);
  const std::string_view method = call.head->method;
  if (call.surface == Surface::Other && !relay_.passes_on(path)) return no_such_path(method, path);
  const std::string_view methods = methods_of(call.surface);
  if (!takes(methods, method)) return other_methods(method, path, methods);
  return std::nullopt;
}

/// What can be said before a long body comes, or one that its caller asks for leave to send: nobody without a key gets so much
/// memory. False: `problem` is the answer, and the connection ends.
bool FrontDoor::look_at_head(ClientConnection& connection, const ClientRequest& request, Problem& problem) {
  const http::Head& head = request.head;
  if (!head.chunked && !head.expect_continue && head.content_length.value_or(0) <= kReadFromAnybody) return true;
  const Call call = call_of(request);
  auto nowhere = no_route(call);
  if (!nowhere && relay_.authenticate(call, connection) != nullptr) return true;
  problem = nowhere ? std::move(*nowhere) : Relay::unknown_key();
  connection.drain();
  return false;
}

/// What could not be read may have no path; then nobody's dialect is known.
asio::awaitable<void> FrontDoor::refuse(ClientConnection& connection, const ClientRequest& request, Problem problem) {
  const Call call = call_of(request);
  co_await relay_.refuse(call, connection, std::move(problem));
}

}  // namespace swarm::gateway
