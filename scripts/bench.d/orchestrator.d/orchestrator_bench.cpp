// The client side of the orchestrator's benchmark, one scenario a run; prints one flat JSON object.
//
//   orchestrator-bench stream  ADDRESS TASKS              submit, work and report over streams, 256 in flight, batches of 16
//   orchestrator-bench unary   ADDRESS TASKS AGENTS       the same with one call for each step
//   orchestrator-bench latency ADDRESS RATE COUNT         submit → the worker has it, at RATE a second
//   orchestrator-bench load    ADDRESS TASKS              queues tasks with texts of 1 kB

#include <grpcpp/grpcpp.h>

#include <atomic>
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

int run_unary(const std::string& address, int tasks, int agents) {
  const auto start = Clock::now();
  std::atomic<int> left{tasks};
  std::vector<std::thread> threads;
  for (int n = 0; n < agents; ++n) {
    threads.emplace_back([&, n] {
      auto stub = api::Orchestrator::NewStub(channel_to(address));
      const auto name = "unary-" + std::to_string(n);
      const auto call = [](auto&& f) {
        grpc::ClientContext context;
        context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
        if (const auto status = f(&context); !status.ok()) die(status.error_message());
      };
      api::AgentInfo info;
      info.set_name(name);
      info.add_capabilities("*");
      api::RegisterResponse registered;
      call([&](auto* c) { return stub->RegisterAgent(c, info, &registered); });
      api::NewTask task;
      task.set_description("bench task, a line of text");
      api::AgentQuery query;
      query.set_agent_id(name);
      while (left.fetch_sub(1) > 0) {
        api::SubmitTaskResponse submitted;
        call([&](auto* c) { return stub->SubmitTask(c, task, &submitted); });
        api::TaskAssignment assignment;
        while (assignment.task_id().empty()) {
          call([&](auto* c) { return stub->PollTask(c, query, &assignment); });
        }
        api::TaskResult result;
        result.set_task_id(assignment.task_id());
        result.set_status("success");
        result.set_lease_token(assignment.lease_token());
        result.set_artifact("done");
        api::Ack ack;
        call([&](auto* c) { return stub->SubmitResult(c, result, &ack); });
      }
    });
  }
  for (auto& thread : threads) thread.join();
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
  const std::string mode = argc > 1 ? argv[1] : "";
  const auto number = [&](int i) { return argc > i ? std::atoi(argv[i]) : 0; };
  const std::string target = argc > 2 ? argv[2] : "";
  if (mode == "stream") return run_stream(target, number(3));
  if (mode == "unary") return run_unary(target, number(3), number(4));
  if (mode == "latency") return run_latency(target, number(3), number(4));
  if (mode == "load") return run_load(target, number(3));
  die("usage: orchestrator-bench stream|unary|latency|load …");
}
