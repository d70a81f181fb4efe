#include "completion/script.hpp"

#include <array>
#include <CLI/CLI.hpp>
#include <catch2/catch.hpp>
#include <cstdio>
#include <fstream>
#include <sstream>

#include "libs/testing/temp_dir.hpp"
#include "program.hpp"

using namespace swarm::ctl;

namespace {

std::string output_of(const std::string& command) {
  FILE* pipe = popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::string out;
  std::array<char, 4096> buffer;
  while (std::fgets(buffer.data(), buffer.size(), pipe) != nullptr) out += buffer.data();
  CHECK(pclose(pipe) == 0);
  return out;
}

/// What bash offers after `line`, whose last word is being typed.
std::string offered(const std::string& line) {
  const swarm::testing::TempDir dir;
  const std::string path = (dir.path() / "completion").string();
  std::ofstream script(path);
  std::ostringstream none;
  REQUIRE(run({"completion", "bash"}, script, none, {}) == 0);
  script << "COMP_WORDS=(" << line << ")\nCOMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n_swarmctl\necho \" ${COMPREPLY[*]} \"\n";
  script.close();
  return output_of("bash " + path);
}

}  // namespace

TEST_CASE("bash completes commands, flags and values", "[completion]") {
  CHECK(offered("swarmctl ta").find(" tasks ") != std::string::npos);
  CHECK(offered("swarmctl tasks ''").find(" submit list show why redrive watch cancel approve reject delete ") != std::string::npos);
  CHECK(offered("swarmctl --json tasks list --sta").find(" --status --stack --state ") != std::string::npos);
  CHECK(offered("swarmctl tasks list --status r") == " running \n");
  CHECK(offered("swarmctl --orchestrator tasks rules ''").find(" list ") != std::string::npos);
  CHECK(offered("swarmctl tasks list --status d") == " dead \n");
  CHECK(offered("swarmctl completion z") == " zsh \n");
  CHECK(offered("swarmctl --json budget --hel") == " --help \n");
}

TEST_CASE("every command stands in every shell's script", "[completion]") {
  std::ostringstream out;
  Session session(out, out, {});
  CLI::App program;
  describe_program(program, session);
  const auto commands = commands_of(program);
  CHECK(commands.size() > 20);
  const std::string zsh = zsh_script(commands);
  const std::string fish = fish_script(commands);
  for (const CommandEntry& c : commands) {
    if (c.path.empty()) continue;
    CHECK(!c.help.empty());
    CHECK(zsh.find("'" + c.path + "')") != std::string::npos);
    CHECK(fish.find(" -a " + c.path.substr(c.path.rfind(' ') + 1) + " ") != std::string::npos);
  }
}
