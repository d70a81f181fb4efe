#include <csignal>
#include <iostream>

#include "program.hpp"

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_DFL);  // `swarmctl … | head` ends quietly
  const std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
  return swarm::ctl::run(arguments, std::cout, std::cerr, swarm::ctl::standard_output());
}
