#pragma once

#include <cstdint>
#include <string_view>

namespace swarm::analyst::domain {

/// The tool whose output a log is. Stored by name, so the order may change.
enum class Family : std::uint8_t {
  General, Python, Pytest, Rustc, RustPanic, TypeScript, Node, Jest, Eslint, Npm, Godot, Go, Java, Compiler, Git,
  Shell, Build,
};

std::string_view name(Family family);

}  // namespace swarm::analyst::domain
