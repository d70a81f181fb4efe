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

void add_log_level(CLI::App& program, Session& session) {
  auto service = std::make_shared<std::string>();
  auto level = std::make_shared<std::string>();
  CLI::App* app = program.add_subcommand("log-level", "change a running service's log level, until its next start");
  app->add_option("service", *service, "whose")->required()->check(CLI::IsMember({"orchestrator", "analyst", "gateway", "all"}))->type_name("SERVICE|all");
  app->add_option("level", *level, "what is written from now on")->required()->check(CLI::IsMember({"debug", "info", "warn", "error"}))->type_name("debug|info|warn|error");
  app->callback([service, level, &session] { set_level(session, *service, *level); });
}

}  // namespace swarm::ctl
