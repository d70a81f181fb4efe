#include <catch2/catch.hpp>
#include <grpcpp/grpcpp.h>

#include <atomic>
#include <thread>

#include "compose.hpp"
#include "libs/testing/eventually.hpp"
#include "libs/testing/temp_dir.hpp"
#include "protos/orchestrator.grpc.pb.h"

// The whole service in this process, behind a real port: what the handlers, streams and threads do to each other.
using namespace swarm;
namespace api = ::orchestrator;

namespace {

class Running {
 public:
  Running() {
    swarm::orchestrator::Settings settings;
    settings.data_dir = dir_.path() / "data";
    settings.grpc.listen = settings.admin_listen = "127.0.0.1:0";
    settings.analyst_address.clear();
    settings.drain_time = std::chrono::seconds(3);
    settings.engine.retry.backoff = std::chrono::milliseconds(1);
    settings.engine.report_outcomes = false;
    auto opened = swarm::orchestrator::Orchestrator::open(settings);
    REQUIRE(opened);
    service_ = std::move(opened.value());
    REQUIRE(service_->start());
    thread_ = std::thread([this] { code_ = service_->run(); });
    stub = api::Orchestrator::NewStub(
        grpc::CreateChannel(service_->grpc_address(), grpc::InsecureChannelCredentials()));
  }
  ~Running() { stop(); }

  void begin_stop() { service_->begin_stop(); }
  int stop() {
    if (thread_.joinable()) {
      service_->begin_stop();
      thread_.join();
    }
    return code_;
  }

  void join(const std::string& name) {
    api::AgentInfo info;
    info.set_name(name);
    info.add_capabilities("*");
    api::RegisterResponse out;
    REQUIRE(call([&](auto* c) { return stub->RegisterAgent(c, info, &out); }).ok());
  }
  std::string submit(const std::string& description) {
    api::NewTask task;
    task.set_description(description);
    api::SubmitTaskResponse out;
    REQUIRE(call([&](auto* c) { return stub->SubmitTask(c, task, &out); }).ok());
    return out.task_id();
  }
  grpc::Status poll(const std::string& name, api::TaskAssignment& out, int wait_ms = 3000) {
    api::AgentQuery query;
    query.set_agent_id(name);
    query.set_wait_ms(wait_ms);
    return call([&](auto* c) { return stub->PollTask(c, query, &out); });
  }
  template <class Call>
  static grpc::Status call(Call&& make) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    return make(&context);
  }
  static api::TaskResult success(const api::TaskAssignment& task) {
    api::TaskResult result;
    result.set_task_id(task.task_id());
    result.set_lease_token(task.lease_token());
    result.set_status("success");
    result.set_artifact("made");
    return result;
  }

  std::unique_ptr<api::Orchestrator::Stub> stub;

 private:
  testing::TempDir dir_;
  std::unique_ptr<swarm::orchestrator::Orchestrator> service_;
  std::thread thread_;
  int code_ = -1;
};

}  // namespace

TEST_CASE("a task goes from submission through a poll to its result, and a follower sees it", "[grpc][in_process]") {
  Running o;
  o.join("a");
  grpc::ClientContext watching;
  auto watch = o.stub->WatchTasks(&watching, api::WatchTasksRequest());
  watch->WaitForInitialMetadata();
  const auto id = o.submit("first");
  api::TaskAssignment task;
  REQUIRE(o.poll("a", task).ok());
  REQUIRE(task.task_id() == id);
  api::Ack ack;
  REQUIRE(Running::call([&](auto* c) { return o.stub->SubmitResult(c, Running::success(task), &ack); }).ok());
  CHECK(ack.task_status() == "SUCCEEDED");
  api::TaskEvent event;
  std::vector<int> statuses;
  while (statuses.size() < 3 && watch->Read(&event)) statuses.push_back(event.task().status());
  CHECK(statuses == std::vector<int>{api::QUEUED, api::LEASED, api::SUCCEEDED});
  watching.TryCancel();
  watch->Finish();
  api::TaskRef ref;
  ref.set_task_id(id);
  api::Task shown;
  REQUIRE(Running::call([&](auto* c) { return o.stub->GetTask(c, ref, &shown); }).ok());
  CHECK(shown.artifact() == "made");
}

TEST_CASE("a poll that its client gave up takes no task away from others", "[grpc][in_process]") {
  Running o;
  o.join("gone");
  o.join("here");
  grpc::ClientContext context;
  grpc::Status given_up;
  std::thread parked([&] {
    api::AgentQuery query;
    query.set_agent_id("gone");
    query.set_wait_ms(20'000);
    api::TaskAssignment none;
    given_up = o.stub->PollTask(&context, query, &none);
  });
  const auto waits = [&] {
    api::ListAgentsResponse agents;
    REQUIRE(Running::call([&](auto* c) { return o.stub->ListAgents(c, {}, &agents); }).ok());
    return std::count_if(agents.agents().begin(), agents.agents().end(), [](const auto& a) { return a.waiting(); });
  };
  REQUIRE(testing::eventually([&] { return waits() == 1; }));
  context.TryCancel();
  parked.join();
  CHECK(given_up.error_code() == grpc::StatusCode::CANCELLED);
  REQUIRE(testing::eventually([&] { return waits() == 0; }));
  const auto id = o.submit("for whoever is here");
  api::TaskAssignment task;
  REQUIRE(o.poll("here", task).ok());
  CHECK(task.task_id() == id);
}

TEST_CASE("many agents and submitters at once finish every task exactly once", "[grpc][in_process]") {
  constexpr int kTasks = 120;
  Running o;
  std::atomic<int> done{0};
  std::vector<std::thread> threads;
  for (int n = 0; n < 4; ++n) {
    const auto name = "agent-" + std::to_string(n);
    o.join(name);
    threads.emplace_back([&, name] {
      while (done < kTasks) {
        api::TaskAssignment task;
        if (!o.poll(name, task, 100).ok() || task.task_id().empty()) continue;
        api::Ack ack;
        if (Running::call([&](auto* c) { return o.stub->SubmitResult(c, Running::success(task), &ack); }).ok()) ++done;
      }
    });
  }
  for (int i = 0; i < kTasks; ++i) o.submit("task");
  for (auto& thread : threads) thread.join();
  CHECK(done == kTasks);
}

TEST_CASE("an agent on a stream works off what a bulk submission brings", "[grpc][in_process]") {
  constexpr int kTasks = 200;
  Running o;
  grpc::ClientContext working;
  auto work = o.stub->Work(&working);
  api::WorkRequest join;
  join.mutable_join()->set_name("s");
  join.mutable_join()->add_capabilities("*");
  api::WorkRequest credit;
  credit.set_credit(32);
  REQUIRE((work->Write(join) && work->Write(credit)));
  std::thread submitter([&] {
    grpc::ClientContext context;
    auto stream = o.stub->SubmitStream(&context);
    api::SubmitTasksRequest request;
    for (int i = 0; i < 10; ++i) request.add_tasks()->set_description("bulk");
    for (int i = 0; i < kTasks / 10; ++i) CHECK(stream->Write(request));
    stream->WritesDone();
    api::SubmitTasksResponse response;
    while (stream->Read(&response)) CHECK(response.error().empty());
    CHECK(stream->Finish().ok());
  });
  int acknowledged = 0;
  api::WorkResponse in;
  while (acknowledged < kTasks && work->Read(&in)) {
    acknowledged += in.acks_size();
    if (in.assignments().empty()) continue;
    api::WorkRequest out;
    for (const auto& task : in.assignments()) *out.mutable_results()->add_results() = Running::success(task);
    credit.set_credit(in.assignments_size());
    REQUIRE((work->Write(out) && work->Write(credit)));
  }
  submitter.join();
  CHECK(acknowledged == kTasks);
  work->WritesDone();
  CHECK(work->Finish().ok());
}

TEST_CASE("a drain ends what is parked with a retryable status", "[grpc][in_process]") {
  Running o;
  o.join("a");
  std::atomic<int> parked_code{-1};
  std::thread parked([&] {
    api::TaskAssignment none;
    parked_code = o.poll("a", none, 20'000).error_code();
  });
  grpc::ClientContext watching;
  auto watch = o.stub->WatchTasks(&watching, api::WatchTasksRequest());
  watch->WaitForInitialMetadata();
  grpc::ClientContext working;
  auto work = o.stub->Work(&working);
  api::WorkRequest join;
  join.mutable_join()->set_name("s");
  REQUIRE(work->Write(join));
  api::WorkResponse in;
  REQUIRE(work->Read(&in));
  REQUIRE(testing::eventually([&] {
    api::ListAgentsResponse agents;
    return Running::call([&](auto* c) { return o.stub->ListAgents(c, {}, &agents); }).ok() &&
           std::any_of(agents.agents().begin(), agents.agents().end(), [](const auto& a) { return a.waiting(); });
  }));
  o.begin_stop();
  bool told = false;
  while (work->Read(&in)) told = told || in.drain();
  CHECK(told);
  CHECK(work->Finish().error_code() == grpc::StatusCode::UNAVAILABLE);
  api::TaskEvent event;
  while (watch->Read(&event)) {
  }
  CHECK(watch->Finish().error_code() == grpc::StatusCode::UNAVAILABLE);
  parked.join();
  CHECK(parked_code == grpc::StatusCode::UNAVAILABLE);
  CHECK(o.stop() == 0);
}
