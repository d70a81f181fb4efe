#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ports/spend_journal.hpp"

namespace swarm::gateway {

struct CommandResult {
  int code = 0;      // 0 done, 1 it failed or found something, 2 wrong usage
  std::string text;  // for people, or JSON; with a line break at its end
};

/// What the commands work with.
struct CommandTools {
  std::string data_dir;
  /// Of an existing ledger; never makes one. Nobody else may have it open.
  std::function<Result<std::unique_ptr<SpendStore>>(const std::string& directory)> open_ledger;
  /// Models of a configuration from a price list in a file, as YAML. `only`: names, or beginnings with a '*'; empty: all.
  std::function<Result<std::string>(const std::string& file, const std::vector<std::string>& only, const std::string& upstream)> import_prices;
};

/// What the program does instead of serving: `arguments` begins with the command's name.
///
///     ledger verify [--data-dir DIR] [--json]   proves a data directory's sums from its rows; nothing may have it open
///     prices import FILE --upstream NAME [MODEL…]   prints models of a configuration, priced by LiteLLM's list
CommandResult run_command(const std::vector<std::string>& arguments, const CommandTools& tools);

}  // namespace swarm::gateway
