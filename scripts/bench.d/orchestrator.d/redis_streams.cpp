// The orchestrator's peer: the same life cycles on Redis Streams. Prints one flat JSON object.
//
//   redis-streams stream  PORT TASKS         256 in flight, batches of 16
//   redis-streams latency PORT RATE COUNT    submit → the worker has it

#include <hiredis/hiredis.h>

#include <memory>
#include <thread>

#include "scripts/bench.d/orchestrator.d/measure.hpp"

namespace {

using namespace swarm::orchestrator::bench;

// -- Redis: XADD to submit, XREADGROUP to take, XADD of the result and XACK to report ------------------------------------

class Redis {
 public:
  explicit Redis(int port) : context_(redisConnect("127.0.0.1", port)) {
    if (context_ == nullptr || context_->err != 0) die("no Redis on port " + std::to_string(port));
  }
  ~Redis() { redisFree(context_); }
  Redis(const Redis&) = delete;
  Redis& operator=(const Redis&) = delete;

  using Reply = std::unique_ptr<redisReply, decltype(&freeReplyObject)>;
  template <class... Args>
  void append(const char* format, Args... args) { redisAppendCommand(context_, format, args...); }
  Reply reply() {
    void* out = nullptr;
    if (redisGetReply(context_, &out) != REDIS_OK) die(context_->errstr);
    return {static_cast<redisReply*>(out), &freeReplyObject};
  }
  template <class... Args>
  Reply command(const char* format, Args... args) {
    append(format, args...);
    return reply();
  }

 private:
  redisContext* context_;
};

void make_group(int port) {
  Redis redis(port);
  redis.command("FLUSHALL");
  redis.command("XGROUP CREATE tasks workers $ MKSTREAM");
}

/// Takes, reports in one pipelined batch, and lets the window know.
template <class OnTask>
void redis_work(int port, int tasks, Window& window, OnTask on_task) {
  Redis redis(port);
  int done = 0;
  while (done < tasks) {
    const auto got = redis.command("XREADGROUP GROUP workers w COUNT %d BLOCK 1000 STREAMS tasks >", kBatch);
    if (got->type != REDIS_REPLY_ARRAY) continue;
    const redisReply* entries = got->element[0]->element[1];
    for (std::size_t i = 0; i < entries->elements; ++i) {
      const redisReply* entry = entries->element[i];
      on_task(entry->element[1]->element[3]->str);
      redis.append("XADD results * task %s status success artifact done", entry->element[0]->str);
      redis.append("XACK tasks workers %s", entry->element[0]->str);
    }
    for (std::size_t i = 0; i < 2 * entries->elements; ++i) redis.reply();
    done += static_cast<int>(entries->elements);
    window.give(static_cast<int>(entries->elements));
  }
}

int run_redis_stream(int port, int tasks) {
  make_group(port);
  Window window(kInFlight);
  tasks -= tasks % kBatch;
  const auto start = Clock::now();
  std::thread worker([&] { redis_work(port, tasks, window, [](const char*) {}); });
  Redis redis(port);
  for (int sent = 0; sent < tasks; sent += kBatch) {
    window.take(kBatch);
    for (int i = 0; i < kBatch; ++i) redis.append("XADD tasks * description %s context -", "bench-task,-a-line-of-text");
    for (int i = 0; i < kBatch; ++i) redis.reply();
  }
  worker.join();
  std::printf("{\"redis_cycles_per_s\": %.1f}\n", tasks / seconds_since(start));
  return 0;
}

int run_redis_latency(int port, int rate, int count) {
  make_group(port);
  Window window(1 << 30);
  std::vector<double> ms;
  std::thread worker([&] {
    redis_work(port, count, window,
               [&](const char* sent) { ms.push_back(static_cast<double>(now_ns() - std::atoll(sent)) * 1e-6); });
  });
  Redis redis(port);
  Pace pace(rate);
  for (int i = 0; i < count; ++i) {
    pace.tick();
    redis.command("XADD tasks * description %s context %lld", "bench-task", static_cast<long long>(now_ns()));
  }
  worker.join();
  print_latency(std::move(ms), "redis_received_");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string mode = argc > 1 ? argv[1] : "";
  const auto number = [&](int i) { return argc > i ? std::atoi(argv[i]) : 0; };
  if (mode == "stream") return run_redis_stream(number(2), number(3));
  if (mode == "latency") return run_redis_latency(number(2), number(3), number(4));
  die("usage: redis-streams stream|latency …");
}
