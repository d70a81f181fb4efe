// core_bench read DIRECTORY TASKS | bus RATE EVENTS | bus_saturated EVENTS
//   read           p50 and p99 of finding a task in the store, by random id, out of TASKS; microseconds
//   bus            p99 from publishing an event at RATE to the last of the three real kinds of subscribers having it
//   bus_saturated  events per second to three subscribers, published in batches as the committer does

#include <algorithm>
#include <atomic>
#include <random>
#include <thread>

#include "adapters/lmdb/task_store.hpp"
#include "application/metrics_subscriber.hpp"
#include "application/watch_hub.hpp"
#include "measure.hpp"

namespace swarm::orchestrator::bench {
namespace {

constexpr std::size_t kRing = 65'536;
constexpr std::size_t kBatchEvents = 64;
constexpr std::size_t kCommitTasks = 1'000;
constexpr std::size_t kContextBytes = 1'000;
constexpr int kReads = 200'000;

TaskId id_of(std::uint64_t n) { return {mix(n + 1), n}; }

StoredTask task_of(std::uint64_t n) {
  TaskSpec spec;
  spec.id = id_of(n);
  spec.number = n + 1;
  spec.stack = "python";
  spec.role = "Coder";
  spec.capabilities = {"python"};
  TaskState state;
  state.role = "Coder";
  state.version = 1;
  return {std::make_shared<TaskSpec>(std::move(spec)), std::make_shared<TaskState>(std::move(state))};
}

double at(std::vector<double>& sorted, double share) { return sorted[std::min(sorted.size() - 1, static_cast<std::size_t>(share * static_cast<double>(sorted.size())))]; }

void read(const std::string& directory, std::uint64_t tasks) {
  lmdb_store::StoreOptions options;
  options.environment.directory = directory;
  options.environment.identity = {"orchestrator-core", 1};
  options.environment.sync = false;
  auto store = lmdb_store::LmdbTaskStore::open(options);
  if (!store) die(store.error().message);
  const auto texts = std::make_shared<const InputTexts>(InputTexts{"do it", std::string(kContextBytes, 'x')});
  for (std::uint64_t n = 0; n < tasks;) {
    Changes changes;
    for (; n < tasks && changes.tasks.size() < kCommitTasks; ++n) {
      changes.tasks.push_back({task_of(n), true});
      changes.inputs.push_back({n + 1, texts});
    }
    if (auto done = store.value()->commit(changes); !done) die(done.error().message);
  }
  std::mt19937_64 random(1);
  std::vector<double> us;
  us.reserve(kReads);
  for (int i = 0; i < kReads; ++i) {
    const auto id = id_of(random() % tasks);
    const auto begun = now_ns();
    const auto found = store.value()->find(id);
    us.push_back(static_cast<double>(now_ns() - begun) / 1e3);
    if (!found || !found.value()) die("a task was not found");
  }
  std::sort(us.begin(), us.end());
  std::printf("{\"read_p50_us\": %.3f, \"read_p99_us\": %.3f}\n", at(us, 0.50), at(us, 0.99));
}

/// The bus with what listens to it in the service: a watch stream, the metrics, and one that takes all, as the outbox's does.
class Listeners {
 public:
  explicit Listeners(std::uint64_t events) : probe_(registry_), hub_(bus_, kRing, kRing, 1), metrics_(bus_, probe_, kRing), third_(bus_.subscribe("bench", kRing, Overflow::DropOldest)) {
    arrived_.resize(events);
    watcher_ = hub_.watch({}, [this] { drain_watcher(); });
    drain_watcher();
    taker_ = std::thread([this] { take(); });
  }
  ~Listeners() {
    bus_.close();
    taker_.join();
    hub_.leave(watcher_);
  }

  void publish(const std::vector<EventPtr>& events) { bus_.publish(events); }
  void wait_for(std::uint64_t events) const {
    while (taken_ < events || watched_ < events) std::this_thread::yield();
  }
  bool is_behind(std::uint64_t published, std::uint64_t most) const { return published - std::min(taken_.load(), watched_.load()) > most; }
  std::int64_t arrived(std::uint64_t n) const { return arrived_[n]; }

 private:
  void take() {
    std::vector<EventPtr> events;
    std::uint64_t missed = 0;
    while (third_->take(events, missed)) {
      const auto now = now_ns();
      for (std::size_t i = 0; i < events.size(); ++i) arrived_[taken_ + i] = now;
      taken_ += events.size() + missed;
    }
  }
  void drain_watcher() {
    std::uint64_t seen = 0;
    while (auto item = watcher_->next()) seen += 1 + item->missed;
    watched_ += seen;
  }

  metrics::Registry registry_;
  Probe probe_;
  EventBus bus_;
  WatchHub hub_;
  MetricsSubscriber metrics_;
  std::shared_ptr<Subscription> third_;
  std::shared_ptr<Watcher> watcher_;
  std::vector<std::int64_t> arrived_;
  std::atomic<std::uint64_t> taken_{0};
  std::atomic<std::uint64_t> watched_{0};
  std::thread taker_;
};

EventPtr event_of(const StoredTask& task) { return std::make_shared<SystemEvent>(TaskChanged{task, TaskStatus::Leased, false}); }

void bus(int rate, std::uint64_t events) {
  Listeners listeners(events + kBatchEvents);
  const auto task = task_of(1);
  const int batches_per_s = rate / static_cast<int>(kBatchEvents);
  Pace pace(std::max(1, batches_per_s));
  std::vector<std::int64_t> sent;
  for (std::uint64_t n = 0; n < events; n += kBatchEvents) {
    pace.tick();
    std::vector<EventPtr> batch;
    for (std::size_t i = 0; i < kBatchEvents; ++i) batch.push_back(event_of(task));
    sent.insert(sent.end(), kBatchEvents, now_ns());
    listeners.publish(batch);
  }
  listeners.wait_for(sent.size());
  std::vector<double> us;
  for (std::size_t i = 0; i < sent.size(); ++i) us.push_back(static_cast<double>(listeners.arrived(i) - sent[i]) / 1e3);
  std::sort(us.begin(), us.end());
  std::printf("{\"bus_p50_us\": %.1f, \"bus_p99_us\": %.1f}\n", at(us, 0.50), at(us, 0.99));
}

void bus_saturated(std::uint64_t events) {
  Listeners listeners(events + kBatchEvents);
  const auto task = task_of(1);
  const auto begun = Clock::now();
  std::uint64_t n = 0;
  for (; n < events; n += kBatchEvents) {
    std::vector<EventPtr> batch;
    for (std::size_t i = 0; i < kBatchEvents; ++i) batch.push_back(event_of(task));
    // Nobody may lose events in a measurement of how many arrive.
    while (listeners.is_behind(n, kRing / 2)) std::this_thread::yield();
    listeners.publish(batch);
  }
  listeners.wait_for(n);
  std::printf("{\"bus_events_per_s\": %.0f}\n", static_cast<double>(n) / seconds_since(begun));
}

}  // namespace
}  // namespace swarm::orchestrator::bench

int main(int argc, char** argv) {
  using namespace swarm::orchestrator::bench;
  const std::string mode = argc > 1 ? argv[1] : "";
  const auto number = [&](int i) { return std::strtoull(argc > i ? argv[i] : "0", nullptr, 10); };
  if (mode == "read" && argc == 4) read(argv[2], number(3));
  else if (mode == "bus" && argc == 4) bus(static_cast<int>(number(2)), number(3));
  else if (mode == "bus_saturated" && argc == 3) bus_saturated(number(2));
  else die("usage: core_bench read DIRECTORY TASKS | bus RATE EVENTS | bus_saturated EVENTS");
}
