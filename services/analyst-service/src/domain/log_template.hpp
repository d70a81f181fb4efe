#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace swarm::analyst::domain {

/// The statements that printed a log, guessed from its lines: `Received block <*> of size <*>`.
struct LogTemplates {
  std::vector<std::string> templates;      // sorted
  std::vector<std::uint32_t> of_line;      // index into templates, one per line
};

/// Mines templates from general logs, without settings per system. First what looks like a value is masked by its shape;
/// then lines of one shape are told apart or put together by how many different words stand at each position. The
/// result depends on the set of lines only, not on their order. Lines are cut at 256 tokens.
LogTemplates mine_templates(std::span<const std::string_view> lines);

}  // namespace swarm::analyst::domain
