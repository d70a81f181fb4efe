#include "adapters/command_log/log_format.hpp"

#include <chrono>

#include "adapters/codec/bytes.hpp"

namespace swarm::orchestrator::command_log {
namespace {

using codec::Reader;
using codec::Writer;

constexpr std::size_t kSumBytes = 4;
constexpr std::size_t kEntryBytesMax = 64u << 20;

/// Every setting by which the engine decides, in an order that is part of the format.
template <class Limits, class Rules, class Visit>
void each(Limits& l, Rules& r, Visit&& visit) {
  for (auto* time : {&l.lease, &l.start_within, &l.schedule_to_start, &l.start_to_close, &l.forget_agent, &l.schedule_grace, &l.retry.backoff,
                     &l.retry.backoff_max, &l.retry.transient_backoff, &l.retry.budget_park, &l.retry.park}) {
    visit(*time);
  }
  for (auto* size : {&l.tasks_active_max, &l.agents_max, &l.results_kept, &l.feedback_bytes_max, &l.outcomes_max, &l.dry_budgets_max, &l.holds_max,
                     &l.schedules_max, &r.count_max, &r.bytes_max, &l.artifacts.count_max}) {
    visit(*size);
  }
  visit(l.artifacts.bytes_max), visit(l.feedback_kept), visit(l.history_kept), visit(l.attempts_default), visit(l.report_outcomes), visit(r.deliver), visit(r.hold_out_bp);
}

struct Write {
  Writer& out;
  void operator()(const std::chrono::milliseconds& time) { out.i64(time.count()); }
  template <class Number>
  void operator()(const Number& value) {
    out.i64(static_cast<std::int64_t>(value));
  }
};

struct Read {
  Reader& in;
  void operator()(std::chrono::milliseconds& time) { time = std::chrono::milliseconds(in.i64()); }
  template <class Number>
  void operator()(Number& value) {
    value = static_cast<Number>(in.i64());
  }
};

std::uint32_t sum_of(EntryKind kind, std::string_view payload) {
  return static_cast<std::uint32_t>(stable_hash(payload, static_cast<std::uint64_t>(kind)));
}

}  // namespace

std::string encode(const Setup& setup) {
  Writer out;
  each(setup.limits, setup.rules, Write{out});
  out.u64(setup.finished_kept);
  out.u64(setup.workflow.size());
  for (const auto& state : setup.workflow) {
    for (const auto* text : {&state.name, &state.handler, &state.on_success, &state.on_failure}) out.text(*text);
    out.u64(state.approval ? 1 : 0);
    out.i64(state.rounds_max);
  }
  return out.bytes();
}

std::optional<Setup> decode_setup(std::string_view bytes) {
  Reader in(bytes);
  Setup out;
  each(out.limits, out.rules, Read{in});
  out.finished_kept = in.u64();
  out.workflow.resize(in.count());
  for (auto& state : out.workflow) {
    for (auto* text : {&state.name, &state.handler, &state.on_success, &state.on_failure}) *text = in.text();
    state.approval = in.u64() != 0;
    state.rounds_max = in.small();
  }
  return in.ok() ? std::optional(std::move(out)) : std::nullopt;
}

void append_entry(std::string& out, EntryKind kind, std::string_view payload) {
  Writer head;
  head.u64(payload.size());
  out += static_cast<char>(kind);
  out += head.bytes();
  out += payload;
  const std::uint32_t sum = sum_of(kind, payload);
  for (unsigned i = 0; i < kSumBytes; ++i) out += static_cast<char>(sum >> (8 * i));
}

std::optional<Entry> next_entry(std::string_view& text) {
  if (text.size() < 2) return std::nullopt;
  std::size_t at = 1;
  std::uint64_t size = 0;
  for (int shift = 0; at < text.size() && shift < 35; shift += 7) {
    const auto byte = static_cast<unsigned char>(text[at++]);
    size |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) break;
  }
  if (size > kEntryBytesMax || text.size() - at < size + kSumBytes) return std::nullopt;
  Entry out{static_cast<EntryKind>(text[0]), text.substr(at, size)};
  std::uint32_t sum = 0;
  for (unsigned i = 0; i < kSumBytes; ++i) sum |= static_cast<std::uint32_t>(static_cast<unsigned char>(text[at + size + i])) << (8 * i);
  if (sum != sum_of(out.kind, out.payload)) return std::nullopt;
  text.remove_prefix(at + size + kSumBytes);
  return out;
}

}  // namespace swarm::orchestrator::command_log
