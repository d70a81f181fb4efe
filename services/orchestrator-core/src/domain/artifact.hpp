#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "libs/base/clock.hpp"

namespace swarm::orchestrator {

/// A file that an attempt handed in. Its bytes lie outside the records, under their SHA-256.
struct Artifact {
  std::string name;
  std::string sha256;                // 64 lower-case hexadecimal digits
  std::uint64_t bytes = 0;
  int attempt = 0;
  std::string agent;
  WallTime at{};
  bool accepted = false;             // its attempt succeeded
  std::vector<std::string> breaches; // what it holds against golden rules that the attempt was given
  std::vector<std::string> fulfils;  // rules whose must_match stands in it

  friend bool operator==(const Artifact&, const Artifact&) = default;
};
using Artifacts = std::vector<Artifact>;

/// What a result says of a file that belongs to it.
struct ArtifactRef {
  std::string name;
  std::string sha256;
  std::uint64_t bytes = 0;
};

/// Empty, or what is wrong with a name: it has to be a relative path that stays below where it begins, without control
/// characters and backslashes, of at most 200 bytes.
std::string fault_of_artifact_name(std::string_view name);
/// 64 hexadecimal digits, made lower case; empty: they are not.
std::string to_sha256(std::string_view text);

/// The one of this name: of this attempt, or (0) the accepted one, or else the newest. Null: there is none.
const Artifact* find_artifact(const Artifacts& all, std::string_view name, int attempt);

/// The attempt's own files become the task's, in the place of earlier ones of the same name; what attempts that failed left
/// goes.
Artifacts accepted(const Artifacts& all, int attempt);

struct ArtifactLimits {
  std::size_t count_max = 64;                 // of one task
  std::uint64_t bytes_max = 1ull << 30;       // of one task, all together
};

/// With one more, in the place of what has its name and is not accepted. Where there is no room, files of earlier attempts that
/// are not accepted go first. False: there is no room even so.
bool add_artifact(Artifacts& all, Artifact one, const ArtifactLimits& limits);

}  // namespace swarm::orchestrator
