#include "adapters/codec/record.hpp"

namespace swarm::orchestrator::codec {
namespace {

constexpr std::uint64_t kVersion = 1;
constexpr std::uint64_t kCreated = 1;
constexpr std::uint64_t kEnded = 2;
constexpr std::uint64_t kHalted = 4;

}  // namespace

void encode(Writer& out, const ToldChange& change) {
  out.u64(kVersion);
  out.bits(change.task);
  out.u64(change.version);
  out.u64(static_cast<std::uint64_t>(change.status));
  out.text(change.reason);
  out.time(change.at);
  out.text(change.stack);
  out.text(change.by);
  out.u64((change.created ? kCreated : 0) | (change.ended ? kEnded : 0) | (change.halted ? kHalted : 0));
  if (!change.ended) return;
  out.i64(change.ended->attempt);
  for (const auto* text : {&change.ended->agent, &change.ended->role, &change.ended->workflow_state, &change.ended->note}) out.text(*text);
  out.u64(change.ended->success ? 1 : 0);
}

std::optional<ToldChange> decode_told(std::string_view bytes) {
  Reader in(bytes);
  if (in.u64() != kVersion) return std::nullopt;
  ToldChange out;
  out.task = in.bits<TaskId>();
  out.version = in.u64();
  out.status = static_cast<TaskStatus>(in.u64());
  out.reason = in.text();
  out.at = in.time();
  out.stack = in.text();
  out.by = in.text();
  const auto flags = in.u64();
  out.created = (flags & kCreated) != 0;
  out.halted = (flags & kHalted) != 0;
  if ((flags & kEnded) != 0) {
    AttemptEnd& ended = out.ended.emplace();
    ended.attempt = in.small();
    for (auto* text : {&ended.agent, &ended.role, &ended.workflow_state, &ended.note}) *text = in.text();
    ended.success = in.u64() != 0;
  }
  if (!in.ok()) return std::nullopt;
  return out;
}

}  // namespace swarm::orchestrator::codec
