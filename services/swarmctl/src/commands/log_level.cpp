#include "call.hpp"
#include "commands/upkeep.hpp"
#include "protos/operations.grpc.pb.h"

namespace swarm::ctl {
namespace {

void set_level(Session& session, const std::string& service, const std::string& level) {
  for (const Peer peer : kPeers) {
    if (service != "all" && service != facts(peer).name) continue;
    const auto stub = operations::Operations::NewStub(session.channel(peer));
    operations::LogLevel request;
    request.set_level(level);
    const auto set = call(session, *stub, &operations::Operations::Stub::SetLogLevel, request);
    if (!set) session.fail("log-level", peer, set.error());
    else if (session.json) session.print_json(set.value());
    else session.out << facts(peer).name << ' ' << set.value().level() << std::endl;
  }
}

}  // namespace

void add_log_level(Command program, Session& session) {
  auto service = std::make_shared<std::string>();
  auto level = std::make_shared<std::string>();
  const Command app = program.command("log-level", "change a running service's log level, until its next start");
  app.option("service", *service, "whose").required().one_of({"orchestrator", "analyst", "gateway", "all"}).type("SERVICE|all");
  app.option("level", *level, "what is written from now on").required().one_of({"debug", "info", "warn", "error"}).type("debug|info|warn|error");
  app.action([service, level, &session] { set_level(session, *service, *level); });
}

}  // namespace swarm::ctl
