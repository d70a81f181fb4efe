#include <cerrno>
#include <csignal>
#include <cstring>
#include <iostream>

#include "program.hpp"

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_DFL);  // `swarmctl … | head` ends quietly
  const std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
  const int code = swarm::ctl::run(arguments, std::cout, std::cerr, swarm::ctl::standard_output());
  errno = 0;
  if (std::cout.flush()) return code;
  std::cerr << "swarmctl: standard output takes no more" << (errno == 0 ? "" : std::string(": ") + std::strerror(errno))
            << "; free space where it goes, and run it again\n";
  return code == 0 ? 1 : code;
}
