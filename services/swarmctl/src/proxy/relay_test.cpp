#include "proxy/relay.hpp"

#include <grpcpp/grpcpp.h>

#include <catch2/catch.hpp>
#include <thread>

#include "libs/rpc/channel.hpp"
#include "testing/fake_services.hpp"

using namespace swarm;
using namespace swarm::ctl;

namespace {

/// The three fakes behind a relay.
struct Relayed {
  Relayed() {
    const auto there = rpc::connect("127.0.0.1:" + std::to_string(fakes.port));
    relay = std::make_unique<Relay>(there, [] { return std::string("Bearer ours"); });
    int port = 0;
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterCallbackGenericService(relay.get());
    server = builder.BuildAndStart();
    channel = rpc::connect("127.0.0.1:" + std::to_string(port));
  }
  ~Relayed() { server->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(5)); }

  ctl::testing::FakeSwarm fakes;
  std::unique_ptr<Relay> relay;
  std::unique_ptr<grpc::Server> server;
  std::shared_ptr<grpc::Channel> channel;
};

void within_a_minute(grpc::ClientContext& context) { context.set_deadline(std::chrono::system_clock::now() + std::chrono::minutes(1)); }

}  // namespace

TEST_CASE("a relay adds a token where there is none, and passes on answers and refusals", "[grpc][proxy]") {
  Relayed relayed;
  const auto stub = orchestrator::Orchestrator::NewStub(relayed.channel);
  orchestrator::DispatchState state;
  {
    grpc::ClientContext context;
    within_a_minute(context);
    CHECK(stub->GetDispatch(&context, {}, &state).ok());
    CHECK(relayed.fakes.orchestrator.authorization == "Bearer ours");
  }
  {
    grpc::ClientContext context;
    within_a_minute(context);
    context.AddMetadata("authorization", "Bearer theirs");
    CHECK(stub->GetDispatch(&context, {}, &state).ok());
    CHECK(relayed.fakes.orchestrator.authorization == "Bearer theirs");
  }
  // The status may overtake the answer, as the caller says no more.
  for (int i = 0; i < 300; ++i) {
    grpc::ClientContext context;
    within_a_minute(context);
    REQUIRE(stub->GetDispatch(&context, {}, &state).ok());
  }
  grpc::ClientContext context;
  within_a_minute(context);
  orchestrator::TaskRef ref;
  ref.set_task_id("nobody knows");
  orchestrator::Task task;
  const auto status = stub->GetTask(&context, ref, &task);
  CHECK(status.error_code() == grpc::StatusCode::NOT_FOUND);
  CHECK(!status.error_message().empty());
}

TEST_CASE("a relay passes on streams of both kinds, whole and in order", "[grpc][proxy]") {
  Relayed relayed;
  auto& stream = relayed.fakes.orchestrator.streams.emplace_back();
  for (int i = 0; i < 500; ++i) stream.events.emplace_back().mutable_task()->set_version(i);
  {
    grpc::ClientContext context;
    within_a_minute(context);
    const auto reader = orchestrator::Orchestrator::NewStub(relayed.channel)->WatchTasks(&context, {});
    orchestrator::TaskEvent event;
    int read = 0;
    while (reader->Read(&event)) CHECK(event.task().version() == read++);
    CHECK(read == 500);
    CHECK(reader->Finish().ok());
  }
  grpc::ClientContext context;
  within_a_minute(context);
  const auto both = analyst::Analyst::NewStub(relayed.channel)->ReportFailures(&context);
  for (int i = 0; i < 50; ++i) {
    analyst::FailureBatch batch;
    batch.add_events()->set_event_id("e" + std::to_string(i));
    REQUIRE(both->Write(batch));
    analyst::BatchAck ack;
    REQUIRE(both->Read(&ack));
  }
  both->WritesDone();
  CHECK(both->Finish().ok());
  CHECK(relayed.fakes.analyst.events.size() == 50);
}

TEST_CASE("a relay survives callers that leave and services that are away", "[grpc][proxy]") {
  Relayed relayed;
  for (int i = 0; i < 50; ++i) {
    grpc::ClientContext context;
    within_a_minute(context);
    const auto both = analyst::Analyst::NewStub(relayed.channel)->ReportFailures(&context);
    analyst::FailureBatch batch;
    batch.add_events()->set_event_id(std::string(static_cast<std::size_t>(i) * 1000, 'x'));
    both->Write(batch);
    context.TryCancel();
    CHECK(both->Finish().error_code() == grpc::StatusCode::CANCELLED);
  }
  relayed.fakes.server->Shutdown(std::chrono::system_clock::now());
  grpc::ClientContext context;
  within_a_minute(context);
  orchestrator::DispatchState state;
  CHECK(orchestrator::Orchestrator::NewStub(relayed.channel)->GetDispatch(&context, {}, &state).error_code() == grpc::StatusCode::UNAVAILABLE);
}
