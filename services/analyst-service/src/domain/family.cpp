#include "domain/family.hpp"

namespace swarm::analyst::domain {

std::string_view name(Family family) {
  switch (family) {
    case Family::General: return "general";
    case Family::Python: return "python";
    case Family::Pytest: return "pytest";
    case Family::Rustc: return "rustc";
    case Family::RustPanic: return "rust-panic";
    case Family::TypeScript: return "tsc";
    case Family::Node: return "node";
    case Family::Jest: return "jest";
    case Family::Eslint: return "eslint";
    case Family::Npm: return "npm";
    case Family::Godot: return "godot";
    case Family::Go: return "go";
    case Family::Java: return "java";
    case Family::Compiler: return "compiler";
    case Family::Git: return "git";
    case Family::Shell: return "shell";
    case Family::Build: return "build";
  }
  return "general";
}

}  // namespace swarm::analyst::domain
