#include <malloc.h>

#include <cstdio>

#include "compose.hpp"
#include "libs/telemetry/logging.hpp"

namespace {

int fail(const swarm::Error& error) {
  swarm::log::stop();
  std::fprintf(stderr, "llm-gateway: %s\n", error.message.c_str());
  return error.code == swarm::Code::InvalidArgument ? 2 : 1;
}

/// A prompt of some hundred kilobytes has a buffer of its own. Taken from the kernel and given back each time it costs a page
/// fault for every 4 KiB, 39 of them at 200 kB, and a fifth of such a request's CPU.
void keep_freed_buffers() {
  mallopt(M_MMAP_THRESHOLD, 4 << 20);
  mallopt(M_TRIM_THRESHOLD, 16 << 20);
}

}  // namespace

int main(int argc, char** argv) {
  keep_freed_buffers();
  auto line = swarm::settings::parse_command_line(argc, argv, "llm-gateway", "One endpoint for every model, held to its budget.");
  const auto command = std::move(line.rest);
  line.rest.clear();
  swarm::gateway::Settings settings;
  const int done = swarm::settings::read_or_exit_code(line, [&](swarm::settings::Object& root) { read(root, settings); });
  if (done >= 0) return done;
  if (!command.empty()) {
    const auto result = swarm::gateway::run_command(command, swarm::gateway::command_tools(settings));
    std::fputs(result.text.c_str(), result.code == 2 ? stderr : stdout);
    return result.code;
  }
  if (const auto started = swarm::log::start("llm-gateway", settings.log_level); !started) return fail(started.error());
  int code = 0;
  {
    const auto read_again = [sources = line.sources](std::vector<std::string>& files) -> swarm::Result<swarm::gateway::Settings> {
      swarm::gateway::Settings fresh;
      BOOST_OUTCOME_TRYV(swarm::settings::load(sources, [&](swarm::settings::Object& root) { read(root, fresh); }, files));
      return fresh;
    };
    swarm::gateway::Composition service(std::move(settings), read_again);
    if (const auto started = service.start(); !started) return fail(started.error());
    code = service.run();
  }
  swarm::log::info("ended", {{"code", code}});
  swarm::log::stop();
  return code;
}
