#include "adapters/codec/redaction.hpp"

#include <charconv>

#include "libs/base/sha256.hpp"

namespace swarm::orchestrator::codec {
namespace {

constexpr std::size_t kDigits = 16;

}  // namespace

std::uint64_t Redactor::mask(std::uint64_t bits) const {
  const auto digest = sha256_hex(key_ + "bits" + std::to_string(bits));
  std::uint64_t out = 0;
  std::from_chars(digest.data(), digest.data() + kDigits, out, 16);
  return out;
}

LeaseToken Redactor::mask(LeaseToken token) const {
  if (token.empty()) return token;
  return {mask(token.high), mask(token.low)};
}

std::string Redactor::tag(const std::string& text) const {
  return text.empty() ? text : "#" + sha256_hex(key_ + "text" + text).substr(0, kDigits);
}

TaskSpec Redactor::without_secrets(TaskSpec spec) const {
  spec.labels.clear();
  return spec;
}

Artifact Redactor::without_secrets(Artifact artifact) const {
  artifact.name = tag(artifact.name);
  artifact.sha256 = tag(artifact.sha256);
  artifact.breaches.clear();
  return artifact;
}

TaskState Redactor::without_secrets(TaskState state) const {
  state.reason = tag(state.reason);
  state.lease.token = mask(state.lease.token);
  for (auto& result : state.results) result.token = mask(result.token);
  if (state.cancel) state.cancel = std::make_shared<CancelWish>(CancelWish{state.cancel->by, tag(state.cancel->reason)});
  if (state.artifacts) {
    Artifacts artifacts;
    for (const auto& artifact : *state.artifacts) artifacts.push_back(without_secrets(artifact));
    state.artifacts = std::make_shared<const Artifacts>(std::move(artifacts));
  }
  return state;
}

}  // namespace swarm::orchestrator::codec
