#include "libs/rpc/server.hpp"

#include <grpcpp/grpcpp.h>

#include <catch2/catch.hpp>

#include <fstream>

#include "libs/rpc/channel.hpp"
#include "libs/rpc/pending_calls.hpp"
#include "libs/rpc/trace.hpp"
#include "libs/testing/eventually.hpp"
#include "libs/testing/fake_clock.hpp"
#include "libs/testing/temp_dir.hpp"
#include "protos/orchestrator.grpc.pb.h"

using namespace swarm;
using namespace swarm::rpc;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view kGetTask = "/orchestrator.Orchestrator/GetTask";
constexpr std::string_view kPollTask = "/orchestrator.Orchestrator/PollTask";

/// GetTask answers at once, PollTask waits until the test answers it.
class Service final : public orchestrator::Orchestrator::CallbackService {
 public:
  explicit Service(Gate& gate) : gate_(gate) {}

  grpc::ServerUnaryReactor* GetTask(grpc::CallbackServerContext* ctx, const orchestrator::TaskRef* in, orchestrator::Task* out) override {
    auto* reactor = ctx->DefaultReactor();
    if (auto caller = gate_.admit(*ctx, kGetTask); !caller) {
      reactor->Finish(to_status(caller.error()));
      return reactor;
    }
    out->set_task_id(in->task_id());
    out->set_description(trace_of(*ctx).trace_id_text());
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
  grpc::ServerUnaryReactor* PollTask(grpc::CallbackServerContext*, const orchestrator::AgentQuery*, orchestrator::TaskAssignment* out) override {
    const auto [id, reactor] = polls.open(out, [this](std::uint64_t cancelled_id) { cancelled = cancelled_id; });
    last = id;
    return reactor;
  }

  PendingCalls<orchestrator::TaskAssignment> polls;
  std::atomic<std::uint64_t> last = 0;
  std::atomic<std::uint64_t> cancelled = 0;

 private:
  Gate& gate_;
};

auth::AccessTable table() { return {{std::string(kGetTask), {auth::Role::Viewer}}, {std::string(kPollTask), {auth::Role::Agent}}}; }

struct Fixture {
  explicit Fixture(ServerOptions options = {}, std::unique_ptr<auth::Guard> guard = std::make_unique<auth::Guard>(table()))
      : server(std::move(options), registry, std::move(guard)), service(server.gate()) {
    server.add(service, orchestrator::Orchestrator::service_full_name());
  }
  auto stub(std::shared_ptr<grpc::ChannelCredentials> credentials = grpc::InsecureChannelCredentials()) {
    return orchestrator::Orchestrator::NewStub(connect(server.address(), credentials));
  }
  metrics::Registry registry;
  Server server;
  Service service;
};

grpc::Status get(orchestrator::Orchestrator::Stub& stub, orchestrator::Task& out, const std::string& traceparent = "") {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + 30s);
  if (!traceparent.empty()) context.AddMetadata("traceparent", traceparent);
  orchestrator::TaskRef in;
  in.set_task_id("t1");
  return stub.GetTask(&context, in, &out);
}

}  // namespace

TEST_CASE("a call is answered, traced and counted", "[grpc][rpc]") {
  Fixture f;
  REQUIRE(f.server.start().has_value());
  auto stub = f.stub();
  orchestrator::Task task;
  REQUIRE(get(*stub, task, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01").ok());
  CHECK(task.task_id() == "t1");
  CHECK(task.description() == "0af7651916cd43dd8448eb211c80319c");
  f.server.stop();
  CHECK(f.registry.serialize().find("grpc_server_handled_total{grpc_code=\"OK\",grpc_method=\"GetTask\"") != std::string::npos);
}

TEST_CASE("a port that is taken is an error, not a share", "[grpc][rpc]") {
  Fixture first;
  REQUIRE(first.server.start().has_value());
  ServerOptions options;
  options.listen = first.server.address();
  Fixture second(options);
  const auto result = second.server.start();
  REQUIRE_FALSE(result.has_value());
  CHECK(result.error().code == Code::Unavailable);
}

TEST_CASE("nothing listens beyond loopback without TLS and authentication", "[grpc][rpc]") {
  for (const char* listen : {"0.0.0.0:0", "[::]:0", "10.0.0.1:0"}) {
    ServerOptions options;
    options.listen = listen;
    Fixture f(options);
    CHECK(f.server.start().error().code == Code::FailedPrecondition);
  }
  CHECK(is_loopback("127.0.0.1:80"));
  CHECK(is_loopback("[::1]:80"));
  CHECK(is_loopback("localhost"));
  CHECK(is_loopback("127.9.8.7:80"));
  CHECK_FALSE(is_loopback("127.example.com:80"));
  CHECK_FALSE(is_loopback("127.0.0.1.example.com"));
  CHECK_FALSE(is_loopback("0.0.0.0:1"));
}

TEST_CASE("a parked call is answered once, and a cancelled one is simply gone", "[grpc][rpc]") {
  Fixture f;
  REQUIRE(f.server.start().has_value());
  auto stub = f.stub();
  const auto poll = [&](std::chrono::milliseconds limit, orchestrator::TaskAssignment& out) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + limit);
    return stub->PollTask(&context, {}, &out);
  };
  orchestrator::TaskAssignment late;
  CHECK(poll(100ms, late).error_code() == grpc::StatusCode::DEADLINE_EXCEEDED);
  REQUIRE(swarm::testing::eventually([&] { return f.service.cancelled == f.service.last; }));
  CHECK_FALSE(f.service.polls.finish(f.service.last, [](auto&) { return grpc::Status::OK; }));

  const auto before = f.service.last.load();
  orchestrator::TaskAssignment answer;
  bool first = false, second = true;
  std::jthread answerer([&] {
    swarm::testing::eventually([&] { return f.service.last > before; });
    const auto fill = [](orchestrator::TaskAssignment& out) { out.set_task_id("t9"); return grpc::Status::OK; };
    first = f.service.polls.finish(f.service.last, fill);
    second = f.service.polls.finish(f.service.last, fill);
  });
  CHECK(poll(5s, answer).ok());
  CHECK(answer.task_id() == "t9");
  answerer.join();
  CHECK((first && !second));
}

TEST_CASE("while draining new calls are refused with a retryable status", "[grpc][rpc]") {
  Fixture f;
  REQUIRE(f.server.start().has_value());
  auto stub = f.stub();
  f.server.begin_drain();
  orchestrator::Task task;
  CHECK(get(*stub, task).error_code() == grpc::StatusCode::UNAVAILABLE);
}

TEST_CASE("a connection on which no call is in flight is closed in time, and a parked call keeps its own", "[grpc][rpc]") {
  ServerOptions options;
  options.connections.idle_max = 1s;
  Fixture f(options);
  REQUIRE(f.server.start());
  grpc::ChannelArguments apart;  // or both would share one connection
  apart.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  const auto idle = grpc::CreateCustomChannel(f.server.address(), grpc::InsecureChannelCredentials(), apart);
  const auto busy = connect(f.server.address());
  REQUIRE(idle->WaitForConnected(std::chrono::system_clock::now() + 5s));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + 20s);
  orchestrator::AgentQuery query;
  orchestrator::TaskAssignment assignment;
  std::atomic<bool> answered = false;
  orchestrator::Orchestrator::NewStub(busy)->async()->PollTask(&context, &query, &assignment, [&](const grpc::Status&) { answered = true; });
  // Waiting drives the channel's input; asking alone would not see the server leave.
  CHECK(idle->WaitForStateChange(GRPC_CHANNEL_READY, std::chrono::system_clock::now() + 10s));
  CHECK(busy->GetState(false) == GRPC_CHANNEL_READY);
  CHECK(f.service.polls.finish(f.service.last, [](orchestrator::TaskAssignment&) { return grpc::Status::OK; }));
  CHECK(testing::eventually([&] { return answered.load(); }));
}
