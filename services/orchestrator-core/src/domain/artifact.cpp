#include "domain/artifact.hpp"

#include <algorithm>

namespace swarm::orchestrator {
namespace {

constexpr std::size_t kNameBytesMax = 200;
constexpr std::size_t kDigits = 64;

bool has_room(const Artifacts& all, const Artifact& one, const ArtifactLimits& limits) {
  std::uint64_t bytes = one.bytes;
  for (const auto& a : all) bytes += a.bytes;
  return all.size() < limits.count_max && bytes <= limits.bytes_max;
}

}  // namespace

std::string fault_of_artifact_name(std::string_view name) {
  if (name.empty()) return "is missing";
  if (name.size() > kNameBytesMax) return "longer than " + std::to_string(kNameBytesMax) + " bytes";
  for (const char c : name) {
    if ((c >= 0 && c < ' ') || c == 0x7f || c == '\\') return "holds a control character or a backslash";
  }
  for (std::size_t at = 0; at <= name.size();) {
    const auto end = std::min(name.find('/', at), name.size());
    const auto part = name.substr(at, end - at);
    if (part.empty() || part == "." || part == "..") return "is not a relative path that stays below its beginning";
    at = end + 1;
  }
  return {};
}

std::string to_sha256(std::string_view text) {
  if (text.size() != kDigits) return {};
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
    if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return {};
  }
  return out;
}

const Artifact* find_artifact(const Artifacts& all, std::string_view name, int attempt) {
  const Artifact* found = nullptr;
  for (const auto& a : all) {
    if (a.name != name || (attempt != 0 && a.attempt != attempt)) continue;
    const bool better = found == nullptr || std::pair(a.accepted, a.attempt) > std::pair(found->accepted, found->attempt);
    if (better) found = &a;
  }
  return found;
}

Artifacts accepted(const Artifacts& all, int attempt) {
  const auto replaced = [&](const Artifact& old) { return find_artifact(all, old.name, attempt) != nullptr; };
  Artifacts out;
  for (const auto& a : all) {
    const bool own = a.attempt == attempt;
    if (!own && (!a.accepted || replaced(a))) continue;
    out.push_back(a);
    out.back().accepted = true;
  }
  return out;
}

bool add_artifact(Artifacts& all, Artifact one, const ArtifactLimits& limits) {
  std::erase_if(all, [&](const auto& a) { return !a.accepted && a.name == one.name; });
  while (!has_room(all, one, limits)) {
    const auto old = std::find_if(all.begin(), all.end(), [&](const auto& a) { return !a.accepted && a.attempt < one.attempt; });
    if (old == all.end()) return false;
    all.erase(old);
  }
  all.push_back(std::move(one));
  return true;
}

}  // namespace swarm::orchestrator
