#include "adapters/codec/record.hpp"

namespace swarm::orchestrator::codec {
namespace {

constexpr std::uint64_t kVersion = 1;

template <class T>
std::string bytes_of(const T& value) {
  Writer out;
  encode(out, value);
  return out.bytes();
}

}  // namespace

void encode(Writer& out, const Schedule& schedule) {
  out.u64(kVersion);
  out.text(schedule.name);
  out.text(schedule.cron);
  out.text(schedule.zone);
  out.u64(static_cast<std::uint64_t>(schedule.missed));
  out.u64(static_cast<std::uint64_t>(schedule.overlap));
  out.text(bytes_of(*schedule.task));
  out.text(bytes_of(*schedule.texts));
  out.i64(schedule.deadline.count());
  out.fixed(schedule.content_digest);
  out.u64(schedule.paused ? 1 : 0);
  out.text(schedule.note);
  for (const WallTime time : {schedule.created, schedule.next, schedule.last}) out.time(time);
  out.bits(schedule.last_task);
  for (const auto count : {schedule.fired, schedule.missed_count, schedule.overlapped, schedule.refused}) out.u64(count);
}

std::optional<Schedule> decode_schedule(std::string_view bytes) {
  Reader in(bytes);
  if (in.u64() != kVersion) return std::nullopt;
  Schedule out;
  out.name = in.text();
  out.cron = in.text();
  out.zone = in.text();
  out.missed = static_cast<MissedFirings>(in.u64());
  out.overlap = static_cast<Overlap>(in.u64());
  auto task = decode_spec(in.text());
  auto texts = decode_input(in.text());
  out.deadline = std::chrono::milliseconds(in.i64());
  out.content_digest = in.fixed();
  out.paused = in.u64() != 0;
  out.note = in.text();
  for (WallTime* time : {&out.created, &out.next, &out.last}) *time = in.time();
  out.last_task = in.bits<TaskId>();
  for (auto* count : {&out.fired, &out.missed_count, &out.overlapped, &out.refused}) *count = in.u64();
  const bool known = out.missed >= MissedFirings::Skip && out.missed <= MissedFirings::One && out.overlap >= Overlap::Allow &&
                     out.overlap <= Overlap::Cancel;
  if (!in.ok() || !task || !texts || !known) return std::nullopt;
  out.task = std::make_shared<TaskSpec>(std::move(*task));
  out.texts = std::make_shared<InputTexts>(std::move(*texts));
  return out;
}

}  // namespace swarm::orchestrator::codec
