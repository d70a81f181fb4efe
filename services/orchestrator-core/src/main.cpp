#include <cstdio>

#include "compose.hpp"
#include "libs/telemetry/logging.hpp"

namespace {

int fail(const swarm::Error& error) {
  swarm::log::stop();
  std::fprintf(stderr, "orchestrator-core: %s\n", error.message.c_str());
  return error.code == swarm::Code::InvalidArgument ? 2 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  namespace settings = swarm::settings;
  namespace orchestrator = swarm::orchestrator;
  const auto line = settings::parse_command_line(argc, argv, "orchestrator-core",
                                                 "Keeps the swarm's tasks and hands them to agents.");
  orchestrator::Settings values;
  const int done = settings::read_or_exit_code(line, [&](settings::Object& root) { read(root, values); });
  if (done >= 0) return done;
  if (auto started = swarm::log::start("orchestrator-core", values.log_level); !started) return fail(started.error());
  int code = 0;
  {
    auto service = orchestrator::Orchestrator::open(values);
    if (!service) return fail(service.error());
    if (auto started = service.value()->start(); !started) return fail(started.error());
    code = service.value()->run();
  }
  swarm::log::info("ended", {{"code", code}});
  swarm::log::stop();
  return code;
}
