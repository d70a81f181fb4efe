// The client side of the orchestrator's benchmark, one scenario a run; prints one flat JSON object.
//
//   orchestrator-bench stream  ADDRESS TASKS              submit, work and report over streams, 256 in flight, batches of 16
//   orchestrator-bench unary   ADDRESS TASKS AGENTS CONNECTIONS    the same with one call for each step
//   orchestrator-bench latency ADDRESS RATE COUNT         submit → the worker has it, at RATE a second
//   orchestrator-bench load    ADDRESS TASKS              queues tasks with texts of 1 kB

#include <absl/synchronization/mutex.h>
#include <grpcpp/grpcpp.h>

#include <atomic>
#include <functional>
#include <memory>
#include <thread>

#include "protos/orchestrator.grpc.pb.h"
#include "scripts/bench.d/orchestrator.d/measure.hpp"

namespace {

using namespace swarm::orchestrator::bench;
namespace api = ::orchestrator;

std::shared_ptr<grpc::Channel> channel_to(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetInt("grpc.use_local_subchannel_pool", 1);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

/// One agent process on the Work stream. `on_task` is told of each assignment before its result goes out.
template <class OnTask>
void work(const std::string& address, int tasks, int credit, Window& window, OnTask on_task) {
  auto stub = api::Orchestrator::NewStub(channel_to(address));
  grpc::ClientContext context;
  auto stream = stub->Work(&context);
  api::WorkRequest join;
  join.mutable_join()->set_name("bench-" + std::to_string(now_ns()));
  join.mutable_join()->add_capabilities("*");
  stream->Write(join);
  api::WorkRequest grant;
  grant.set_credit(credit);
  stream->Write(grant);
  api::WorkResponse in;
  int done = 0;
  while (done < tasks && stream->Read(&in)) {
    int acks = 0;
    for (const auto& ack : in.acks()) acks += ack.accepted() ? 1 : 0;
    done += acks;
    if (acks > 0) window.give(acks);
    if (in.assignments().empty()) continue;
    api::WorkRequest out;
    for (const auto& task : in.assignments()) {
      on_task(task);
      auto& result = *out.mutable_results()->add_results();
      result.set_task_id(task.task_id());
      result.set_status("success");
      result.set_lease_token(task.lease_token());
      result.set_artifact("done");
    }
    grant.set_credit(in.assignments_size());
    if (!stream->Write(out) || !stream->Write(grant)) break;
  }
  stream->WritesDone();
  context.TryCancel();
  stream->Finish();
  if (done < tasks) die("the work stream ended early");
}

int run_stream(const std::string& address, int tasks) {
  Window window(kInFlight);
  tasks -= tasks % kBatch;
  const auto start = Clock::now();
  std::thread worker([&] { work(address, tasks, kInFlight, window, [](const auto&) {}); });
  auto stub = api::Orchestrator::NewStub(channel_to(address));
  grpc::ClientContext context;
  auto stream = stub->SubmitStream(&context);
  std::thread answers([&] {
    api::SubmitTasksResponse response;
    while (stream->Read(&response)) {
      if (!response.error().empty()) die(response.error());
    }
  });
  for (int sent = 0; sent < tasks; sent += kBatch) {
    window.take(kBatch);
    api::SubmitTasksRequest request;
    for (int i = 0; i < kBatch; ++i) request.add_tasks()->set_description("bench task, a line of text");
    if (!stream->Write(request)) die("the submit stream ended early");
  }
  stream->WritesDone();
  answers.join();
  if (const auto status = stream->Finish(); !status.ok()) die(status.error_message());
  worker.join();
  std::printf("{\"cycles_per_s\": %.1f}\n", tasks / seconds_since(start));
  return 0;
}

/// One agent that submits, polls and reports, one call after the other. Agents share connections, as agents of one host do.
class UnaryAgent {
 public:
  UnaryAgent(std::shared_ptr<grpc::Channel> channel, int number, std::atomic<int>& left, Window& ended)
      : stub_(api::Orchestrator::NewStub(channel)), left_(left), ended_(ended) {
    info_.set_name("unary-" + std::to_string(number));
    info_.add_capabilities("*");
    task_.set_description("bench task, a line of text");
    query_.set_agent_id(info_.name());
    result_.set_status("success");
    result_.set_artifact("done");
  }

  void begin() {
    stub_->async()->RegisterAgent(fresh(), &info_, &registered_, then([this] { submit(); }));
  }

 private:
  grpc::ClientContext* fresh() {
    context_ = std::make_unique<grpc::ClientContext>();
    context_->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    return context_.get();
  }
  template <class Next>
  static std::function<void(grpc::Status)> then(Next next) {
    return [next](grpc::Status status) {
      if (!status.ok()) die(status.error_message());
      next();
    };
  }
  void submit() {
    if (left_.fetch_sub(1) <= 0) return ended_.give(1);
    stub_->async()->SubmitTask(fresh(), &task_, &submitted_, then([this] { poll(); }));
  }
  void poll() {
    stub_->async()->PollTask(fresh(), &query_, &assignment_, then([this] { assignment_.task_id().empty() ? poll() : report(); }));
  }
  void report() {
    result_.set_task_id(assignment_.task_id());
    result_.set_lease_token(assignment_.lease_token());
    stub_->async()->SubmitResult(fresh(), &result_, &ack_, then([this] { submit(); }));
  }

  std::unique_ptr<api::Orchestrator::Stub> stub_;
  std::atomic<int>& left_;
  Window& ended_;
  std::unique_ptr<grpc::ClientContext> context_;
  api::AgentInfo info_;
  api::RegisterResponse registered_;
  api::NewTask task_;
  api::SubmitTaskResponse submitted_;
  api::AgentQuery query_;
  api::TaskAssignment assignment_;
  api::TaskResult result_;
  api::Ack ack_;
};

int run_unary(const std::string& address, int tasks, int agents, int connections) {
  std::vector<std::shared_ptr<grpc::Channel>> channels;
  for (int n = 0; n < connections; ++n) channels.push_back(channel_to(address));
  const auto start = Clock::now();
  std::atomic<int> left{tasks};
  Window ended(0);
  std::vector<std::unique_ptr<UnaryAgent>> all;
  for (int n = 0; n < agents; ++n) {
    all.push_back(std::make_unique<UnaryAgent>(channels[static_cast<std::size_t>(n % connections)], n, left, ended));
  }
  for (auto& agent : all) agent->begin();
  ended.take(agents);
  std::printf("{\"unary_cycles_per_s\": %.1f}\n", tasks / seconds_since(start));
  return 0;
}

int run_latency(const std::string& address, int rate, int count) {
  Window window(1 << 30);
  std::vector<double> ms;
  std::thread worker([&] {
    work(address, count, 64, window, [&](const api::TaskAssignment& task) {
      ms.push_back(static_cast<double>(now_ns() - std::stoll(task.context())) * 1e-6);
    });
  });
  auto stub = api::Orchestrator::NewStub(channel_to(address));
  Pace pace(rate);
  for (int i = 0; i < count; ++i) {
    pace.tick();
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    api::NewTask task;
    task.set_description("bench task, a line of text");
    task.set_context(std::to_string(now_ns()));
    api::SubmitTaskResponse response;
    if (const auto status = stub->SubmitTask(&context, task, &response); !status.ok()) die(status.error_message());
  }
  worker.join();
  print_latency(std::move(ms), "received_");
  return 0;
}

int run_load(const std::string& address, int tasks) {
  auto stub = api::Orchestrator::NewStub(channel_to(address));
  const std::string text(1024, 'x');
  for (int sent = 0; sent < tasks; sent += 500) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    api::SubmitTasksRequest request;
    for (int i = 0; i < 500; ++i) {
      auto& task = *request.add_tasks();
      task.set_description(text);
      task.set_role("nobody");
    }
    api::SubmitTasksResponse response;
    if (const auto status = stub->SubmitTasks(&context, request, &response); !status.ok()) die(status.error_message());
  }
  std::printf("{}\n");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);  // as the server does
  const std::string mode = argc > 1 ? argv[1] : "";
  const auto number = [&](int i) { return argc > i ? std::atoi(argv[i]) : 0; };
  const std::string target = argc > 2 ? argv[2] : "";
  if (mode == "stream") return run_stream(target, number(3));
  if (mode == "unary") return run_unary(target, number(3), number(4), std::max(1, number(5)));
  if (mode == "latency") return run_latency(target, number(3), number(4));
  if (mode == "load") return run_load(target, number(3));
  die("usage: orchestrator-bench stream|unary|latency|load …");
}
