#include "report_load.hpp"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "protos/analyst.grpc.pb.h"

namespace swarm::analyst::bench {

namespace {

using Steady = std::chrono::steady_clock;

struct Call {
  grpc::ClientContext context;
  ::analyst::FailureEvent event;
  ::analyst::AnalysisResult result;
};

}  // namespace

LoadResult send_reports(const Load& load) {
  const auto stub = ::analyst::Analyst::NewStub(grpc::CreateChannel(load.address, grpc::InsecureChannelCredentials()));
  std::mutex mutex;
  std::condition_variable answered;
  std::uint64_t in_flight = 0;
  LoadResult result;
  std::vector<double> times;
  times.reserve(load.count);
  const auto run = std::to_string(Steady::now().time_since_epoch().count());
  const auto start = Steady::now();
  for (std::uint64_t i = 0; i < load.count; ++i) {
    if (load.per_second > 0) std::this_thread::sleep_until(start + std::chrono::duration_cast<Steady::duration>(std::chrono::duration<double>(static_cast<double>(i) / load.per_second)));
    {
      std::unique_lock lock(mutex);
      answered.wait(lock, [&] { return in_flight < load.in_flight_max; });
      ++in_flight;
    }
    auto* call = new Call;  // deleted by its answer
    call->event.set_task_id(run + "-" + std::to_string(i));
    call->event.set_attempt(1);
    call->event.set_role("Coder");
    call->event.set_stack("python");
    call->event.set_error_log(load.logs[i % load.logs.size()]);
    const auto sent = Steady::now();
    stub->async()->ReportFailure(&call->context, &call->event, &call->result, [&, call, sent](const grpc::Status& status) {
      const double ms = std::chrono::duration<double, std::milli>(Steady::now() - sent).count();
      std::lock_guard lock(mutex);
      times.push_back(ms);
      result.failed += status.ok() ? 0 : 1;
      delete call;
      --in_flight;
      answered.notify_one();
    });
  }
  std::unique_lock lock(mutex);
  answered.wait(lock, [&] { return in_flight == 0; });
  result.seconds = std::chrono::duration<double>(Steady::now() - start).count();
  std::sort(times.begin(), times.end());
  if (!times.empty()) {
    result.p50_ms = times[times.size() / 2];
    result.p99_ms = times[times.size() * 99 / 100];
  }
  return result;
}

}  // namespace swarm::analyst::bench
