#include <malloc.h>

#include <cstdio>

#include "compose.hpp"
#include "libs/telemetry/logging.hpp"

namespace {

int fail(const swarm::Error& error) {
  swarm::log::stop();
  std::fprintf(stderr, "analyst-service: %s\n", error.message.c_str());
  return error.code == swarm::Code::InvalidArgument ? 2 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  mallopt(M_ARENA_MAX, 2);  // threads come and go with calls: an arena for each would keep what its burst needed
  const auto line = swarm::settings::parse_command_line(argc, argv, "analyst-service", "Groups failures and turns them into golden rules.");
  swarm::analyst::Settings settings;
  const int done = swarm::settings::read_or_exit_code(line, [&](swarm::settings::Object& root) { read(root, settings); });
  if (done >= 0) return done;
  if (const auto started = swarm::log::start("analyst-service", settings.log_level); !started) return fail(started.error());
  int code = 0;
  {
    swarm::analyst::Composition service(std::move(settings));
    if (const auto started = service.start(); !started) return fail(started.error());
    code = service.run();
  }
  swarm::log::info("ended", {{"code", code}});
  swarm::log::stop();
  return code;
}
