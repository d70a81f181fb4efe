#include "libs/telemetry/span.hpp"

#include <atomic>

namespace swarm::trace {
namespace {

/// As the log: one for the process, as any line of code may have something to tell.
std::atomic<SpanSink*> sink_now{nullptr};

}  // namespace

void send_spans_to(SpanSink* sink) { sink_now = sink; }
bool spans_wanted() { return sink_now.load(std::memory_order_relaxed) != nullptr; }

void finish(FinishedSpan span) {
  SpanSink* sink = sink_now.load(std::memory_order_acquire);
  if (sink != nullptr && span.context.sampled) sink->take(std::move(span));
}

std::optional<Context> copy_of_current() {
  const Context* now = current();
  return now == nullptr ? std::nullopt : std::optional(*now);
}

Span::Span(std::string_view name, SpanKind kind, const std::optional<Context>& parent, const Clock& clock) : clock_(clock) {
  span_.context = parent ? parent->child() : start();
  if (parent) span_.parent = parent->span_id;
  span_.name = name;
  span_.kind = kind;
  span_.begin = clock.wall_now();
}

Span::~Span() {
  span_.end = clock_.wall_now();
  finish(std::move(span_));
}

}  // namespace swarm::trace
