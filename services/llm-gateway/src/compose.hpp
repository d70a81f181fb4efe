#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "application/commands.hpp"
#include "libs/base/result.hpp"
#include "settings.hpp"

namespace swarm::gateway {

/// What the program's commands need of this service's adapters.
CommandTools command_tools(const Settings& settings);

/// The running service: owns every object, in the order in which they depend on each other.
class Composition {
 public:
  /// Reads the configuration anew, and names the files that it is made of.
  using ReadAgain = std::function<Result<Settings>(std::vector<std::string>& files)>;

  Composition(Settings settings, ReadAgain read_again);
  ~Composition();

  /// Opens the store, starts threads and listeners, and logs "ready". InvalidArgument for settings that can't work, other
  /// codes for the environment.
  Result<void> start();
  /// Serves until a signal has drained the service. The exit code.
  int run();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace swarm::gateway
