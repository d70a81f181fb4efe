#include "application/charge.hpp"

#include <algorithm>

namespace swarm::gateway {
namespace {

// An event of a stream carries about one token, however few bytes that is.
constexpr std::uint64_t kBytesPerEvent = 4;
constexpr int kStatusClientGone = 499;

}  // namespace

Charge::Charge(Admission& admission, Probe& probe, Admission::Wish wish, Admission::Admitted admitted, Names names)
    : admission_(admission), probe_(probe), wish_(wish), admitted_(admitted), names_(std::move(names)),
      begin_(admission.clock().boot_now()), reserved_(admitted.reserved) {
  wish_.task = names_.task;
}

Charge::~Charge() {
  if (!settled_) settle(Ending::HungUp, kStatusClientGone, std::nullopt);
}

Usage Charge::estimate() const { return estimated_usage(wish_.size, output_bytes_); }

void Charge::attempted(const std::string& upstream, int status, std::string_view fault) {
  if (admission_.explanations().wanted()) attempts_.push_back({upstream, status, std::string(fault)});
}

void Charge::explain(const UsageRow& row) {
  admission_.explanations().write([&](Explanation& told) {
    told.at = row.at;
    told.request_id = row.request_id;
    told.key = row.key;
    told.team = row.team;
    told.task = row.task;
    told.model = row.model;
    told.upstream = row.upstream;
    told.upstream_model = wish_.model->upstream_model;
    told.price_source = wish_.model->price_source;
    told.price_version = row.price_version;
    told.guard.swap(names_.findings);
    told.admitted = true;
    told.reserved = admitted_.reserved;
    told.ceiling = admitted_.ceiling;
    std::swap(told.tightest, admitted_.tightest);
    told.attempts.swap(attempts_);
    told.ending = row.ending;
    told.status = row.status;
    told.usage = row.usage;
    told.cost = row.settlement.cost;
    told.duration_ms = row.duration_ms;
  });
}

void Charge::generated(std::uint64_t text_bytes, std::uint64_t text_events) {
  output_bytes_ = std::max(text_bytes, text_events * kBytesPerEvent);
  if (wish_.free || !wish_.model->price) return;
  const Money so_far = wish_.model->price->cost(estimate());
  if (so_far <= reserved_) return;
  // By half as much again, so that a long stream takes the lock a handful of times.
  const Money more{so_far.nano - reserved_.nano + so_far.nano / 2};
  admission_.top_up(admitted_.id, more);
  reserved_ += more;
}

Money Charge::settle(Ending ending, int status, std::optional<Usage> known) {
  settled_ = true;
  Usage usage;
  if (known) usage = *known;
  else if (sent_ && !wish_.free) usage = estimate();
  const Money cost = wish_.free || !wish_.model->price ? Money{} : wish_.model->price->cost(usage);
  if (cost > admitted_.ceiling) probe_.above_ceiling(*wish_.model);
  auto settlement = admission_.settle(admitted_, cost, wish_, usage);
  if (!settlement) return Money{};
  const auto& clock = admission_.clock();
  UsageRow row;
  row.at = clock.wall_now();
  row.request_id = std::move(names_.request_id);
  row.team = wish_.who->team;
  row.key = wish_.who->name;
  row.model = wish_.model->name;
  row.upstream = std::move(names_.upstream);
  if (wish_.model->price) row.price_version = wish_.model->price->version;
  row.usage = usage;
  usage_ = usage;
  cost_ = cost;
  row.prompt = std::move(names_.prompt);
  row.ending = ending;
  row.status = static_cast<std::uint16_t>(status);
  row.duration_ms = static_cast<std::uint32_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(clock.boot_now() - begin_).count());
  row.settlement = *settlement;
  row.task = std::move(names_.task);
  wish_.task = {};
  explain(row);
  admission_.spend().record(std::move(row));
  probe_.used(*wish_.model, usage, cost);
  return cost;
}

}  // namespace swarm::gateway
