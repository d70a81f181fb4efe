#pragma once

#include <filesystem>

#include "ports/rule_sink.hpp"

namespace swarm::analyst::adapters {

/// The active rules as Turtle, one file per stack, in a folder of the data directory, and below it what rules propose to
/// the ontology, a file each. Each file is replaced as a whole.
class TurtleSink final : public ports::RuleSink {
 public:
  explicit TurtleSink(std::filesystem::path directory) : directory_(std::move(directory)) {}
  Result<void> publish(const std::vector<domain::GoldenRule>& rules) override;
  std::string_view name() const override { return "turtle"; }

 private:
  Result<void> publish_proposals(const std::vector<domain::GoldenRule>& rules);

  std::filesystem::path directory_;
};

/// A Turtle string literal, quotes included.
std::string turtle_literal(std::string_view text);

}  // namespace swarm::analyst::adapters
