#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <boost/asio/io_context.hpp>

#include "commands/upkeep.hpp"
#include "libs/async/shutdown.hpp"
#include "libs/rpc/accept_guard.hpp"
#include "libs/rpc/channel.hpp"
#include "libs/rpc/security.hpp"
#include "libs/rpc/server.hpp"
#include "proxy/bearer.hpp"
#include "proxy/relay.hpp"

namespace swarm::ctl {
namespace {

constexpr int kMessageBytesMax = 16 << 20;
constexpr std::chrono::seconds kDrainTime{10};

struct Options {
  std::vector<std::string> listen;  // SERVICE=HOST:PORT
  TokenRequest token;
  std::string role = "agent";
};

struct Door {
  Peer peer;
  std::string listen;
};

/// One port of the proxy. Members in the order in which they are made.
struct Port {
  std::unique_ptr<Relay> relay;
  std::unique_ptr<grpc::Server> server;
};

Result<Door> door_of(const std::string& text) {
  const auto equals = text.find('=');
  for (const Peer peer : kPeers) {
    if (text.substr(0, equals) != facts(peer).name || equals == std::string::npos) continue;
    const auto listen = text.substr(equals + 1);
    if (listen.rfind(':') == std::string::npos) break;
    if (!rpc::is_loopback(listen)) return Error{Code::InvalidArgument, "it speaks plain text and adds credentials, so it listens on the loopback only, not on " + listen};
    return Door{peer, listen};
  }
  return Error{Code::InvalidArgument, "not like orchestrator=127.0.0.1:50054: " + text};
}

/// With a client certificate its files are watched, as they are rotated while the proxy runs.
Result<std::shared_ptr<grpc::Channel>> channel_to(Session& session, Peer peer) {
  const auto& access = session.access_options;
  if (access.cert_file.empty()) return session.channel(peer);
  rpc::SecuritySettings security;
  security.tls.cert_file = access.cert_file;
  security.tls.key_file = access.key_file;
  security.tls.ca_file = access.ca_file;
  BOOST_OUTCOME_TRY(const auto credentials, rpc::channel_credentials(security, "swarmctl", session.clock));
  return rpc::connect(session.address(peer), credentials, kMessageBytesMax, access.server_name);
}

Result<Port> open_port(const Door& door, const std::shared_ptr<grpc::Channel>& there, const Bearer& bearer, std::ostream& log) {
  Port port;
  port.relay = std::make_unique<Relay>(there, [&bearer] { return bearer.authorization(); });
  int bound = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort(door.listen, grpc::InsecureServerCredentials(), &bound);
  builder.RegisterCallbackGenericService(port.relay.get());
  builder.SetMaxReceiveMessageSize(kMessageBytesMax);
  builder.SetMaxSendMessageSize(kMessageBytesMax);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  // Old clients ping as they please.
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 1'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  port.server = builder.BuildAndStart();
  if (!port.server || bound == 0) return Error{Code::Unavailable, "can't listen on " + door.listen + ": the port is in use or not ours to bind"};
  log << "swarmctl: proxy: the " << facts(door.peer).name << " at " << door.listen.substr(0, door.listen.rfind(':')) << ':' << bound << std::endl;
  return port;
}

/// Until SIGTERM or SIGINT; a second one cuts short what is in flight.
void serve(Session& session, const std::vector<Door>& doors, Bearer::Options token) {
  boost::asio::io_context io(1);
  auto work = boost::asio::make_work_guard(io);
  async::Shutdown shutdown(io, [&] { work.reset(); io.stop(); }, [] {});
  rpc::guard_accept();
  std::vector<std::shared_ptr<grpc::Channel>> channels;
  for (const Door& door : doors) {
    auto channel = channel_to(session, door.peer);
    if (!channel) return session.refuse("proxy", channel.error().message);
    channels.push_back(std::move(channel.value()));
  }
  auto complain = [&session](const std::string& what) { session.err << "swarmctl: proxy: " << what << std::endl; };
  const auto bearer = Bearer::start(std::move(token), channels.front(), session.clock, complain);
  if (!bearer) return session.refuse("proxy", bearer.error().message);
  std::vector<Port> ports;
  for (std::size_t i = 0; i < doors.size(); ++i) {
    auto port = open_port(doors[i], channels[i], *bearer.value(), session.err);
    if (!port) return session.fail("proxy", doors[i].peer, port.error());
    ports.push_back(std::move(port.value()));
  }
  io.run();
  const auto until = session.clock.wall_now() + kDrainTime;
  for (auto& port : ports) port.server->Shutdown(until);
}

void run(Session& session, const Options& o) {
  const auto role = auth::parse_role(o.role);
  if (!role) return session.refuse("proxy", "no such role: " + o.role);
  std::vector<Door> doors;
  for (const auto& text : o.listen) {
    const auto door = door_of(text);
    if (!door) return session.refuse("proxy", "--listen: " + door.error().message);
    if (door.value().listen == session.address(door.value().peer)) {
      return session.refuse("proxy", "--listen: " + text + " is where the service itself is expected; give --" + std::string(facts(door.value().peer).name));
    }
    doors.push_back(door.value());
  }
  Bearer::Options token;
  token.request = o.token;
  token.request.role = *role;
  token.signing_key_file = session.access_options.signing_key_file;
  token.signing_key_id = session.access_options.signing_key_id;
  token.token_file = session.access_options.token_file;
  serve(session, doors, std::move(token));
}

}  // namespace

void add_proxy(Command program, Session& session) {
  auto o = std::make_shared<Options>();
  o->token.subject = "swarmctl-proxy";
  const Command app = program.command("proxy", "let clients that speak plain text to the loopback reach services that want TLS and a token; runs until SIGTERM");
  app.option("--listen", o->listen, "where a service shall be found, on the loopback; may be repeated").required().type("SERVICE=HOST:PORT").repeatable();
  app.option("--subject", o->token.subject, "with --signing-key-file: whom the tokens name").shows_default();
  app.option("--role", o->role, "and what they allow").one_of({"viewer", "agent", "operator", "admin"}).shows_default()
      .type("viewer|agent|operator|admin");
  app.option("--team", o->token.team, "and their tenant and budget scope");
  app.option("--issuer", o->token.issuer, "auth.issuer of the services").shows_default();
  app.option("--audience", o->token.audience, "auth.audience of the services").shows_default();
  app.action([o, &session] { run(session, *o); });
}

}  // namespace swarm::ctl
