#include "libs/rpc/audit_trail.hpp"

#include <grpcpp/grpcpp.h>

#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <fstream>

#include "libs/audit/files.hpp"
#include "libs/audit/verify.hpp"
#include "libs/rpc/channel.hpp"
#include "libs/rpc/server.hpp"
#include "libs/rpc/status.hpp"
#include "libs/testing/eventually.hpp"
#include "libs/testing/fake_clock.hpp"
#include "libs/testing/temp_dir.hpp"
#include "protos/orchestrator.grpc.pb.h"

using namespace swarm;
using namespace swarm::rpc;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

constexpr std::string_view kCancel = "/orchestrator.Orchestrator/CancelTask";
constexpr std::string_view kGet = "/orchestrator.Orchestrator/GetTask";

/// CancelTask is audited, GetTask is not.
class Service final : public orchestrator::Orchestrator::CallbackService {
 public:
  explicit Service(Gate& gate) : gate_(gate) {}
  grpc::ServerUnaryReactor* CancelTask(grpc::CallbackServerContext* ctx, const orchestrator::CancelTaskRequest* in, orchestrator::Task*) override {
    return answer(ctx, kCancel, in->task_id() == "none" ? grpc::Status(grpc::StatusCode::NOT_FOUND, "no such task") : grpc::Status::OK);
  }
  grpc::ServerUnaryReactor* GetTask(grpc::CallbackServerContext* ctx, const orchestrator::TaskRef*, orchestrator::Task*) override {
    return answer(ctx, kGet, grpc::Status::OK);
  }

 private:
  grpc::ServerUnaryReactor* answer(grpc::CallbackServerContext* ctx, std::string_view method, const grpc::Status& done) {
    auto* reactor = ctx->DefaultReactor();
    const auto who = gate_.admit(*ctx, method);
    reactor->Finish(who ? done : to_status(who.error()));
    return reactor;
  }
  Gate& gate_;
};

struct KnownKeys final : auth::KeySource {
  explicit KnownKeys(const auth::PrivateKey& key)
      : set(std::make_shared<const auth::KeySet>(auth::KeySet::parse("{\"keys\":[" + key.jwk_json() + "]}").value())) {}
  std::shared_ptr<const auth::KeySet> keys() override { return set; }
  std::shared_ptr<const auth::KeySet> set;
};

struct Fixture {
  Fixture() : server(options(), registry, guard()), service(server.gate()) {
    server.add(service, orchestrator::Orchestrator::service_full_name());
    REQUIRE(server.start());
    stub = orchestrator::Orchestrator::NewStub(connect(server.address()));
  }
  ServerOptions options() const {
    ServerOptions out;
    out.audit_directory = directory;
    return out;
  }
  std::unique_ptr<auth::Guard> guard() {
    const auth::Roles operators{auth::Role::Operator};
    return std::make_unique<auth::Guard>(auth::AccessTable{{std::string(kCancel), operators.audited()}, {std::string(kGet), {auth::Role::Viewer}}},
                                         std::make_unique<KnownKeys>(key), auth::Expectations{"swarm", "swarm", 30s, 900s}, clock);
  }
  std::string token(auth::Role role) {
    auth::Claims claims;
    claims.subject = "ann";
    claims.team = "red";
    claims.role = role;
    claims.issuer = "swarm";
    claims.audience = {"swarm"};
    claims.issued_at = clock.wall_now();
    claims.expires_at = clock.wall_now() + 5min;
    return "Bearer " + auth::sign(claims, key);
  }
  template <class Method, class In>
  grpc::StatusCode call(Method method, const In& in, const std::string& authorization) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + 30s);
    if (!authorization.empty()) context.AddMetadata("authorization", authorization);
    orchestrator::Task out;
    return ((*stub).*method)(&context, in, &out).error_code();
  }
  grpc::StatusCode cancel(const std::string& id, const std::string& authorization) {
    orchestrator::CancelTaskRequest in;
    in.set_task_id(id);
    in.set_reason("it \"hurts\"");
    return call(&orchestrator::Orchestrator::Stub::CancelTask, in, authorization);
  }
  std::vector<boost::json::object> lines(std::string_view event) {
    std::vector<boost::json::object> all;
    std::ifstream in(audit::files_of(directory).value().front().path);
    for (std::string line; std::getline(in, line);) {
      auto object = boost::json::parse(line).as_object();
      if (object["event"] == boost::json::string_view(event.data(), event.size())) all.push_back(std::move(object));
    }
    return all;
  }

  testing::TempDir temp;
  fs::path directory = temp.path() / "audit";
  SystemClock clock;
  auth::PrivateKey key = auth::PrivateKey::generate("k");
  metrics::Registry registry;
  Server server;
  Service service;
  std::unique_ptr<orchestrator::Orchestrator::Stub> stub;
};

}  // namespace

TEST_CASE("an audited call is written with who, what and how it ended; others are not", "[grpc][audit]") {
  Fixture f;
  REQUIRE(f.cancel("t1", f.token(auth::Role::Operator)) == grpc::StatusCode::OK);
  REQUIRE(testing::eventually([&] { return f.lines("outcome").size() == 1; }));  // written when the caller may have its answer already
  REQUIRE(f.cancel("none", f.token(auth::Role::Admin)) == grpc::StatusCode::NOT_FOUND);
  REQUIRE(f.call(&orchestrator::Orchestrator::Stub::GetTask, orchestrator::TaskRef(), f.token(auth::Role::Viewer)) == grpc::StatusCode::OK);
  REQUIRE(testing::eventually([&] { return f.lines("outcome").size() == 2; }));
  const auto actions = f.lines("action");
  REQUIRE(actions.size() == 2);
  CHECK(actions[0].at("actor") == "ann");
  CHECK(actions[0].at("team") == "red");
  CHECK(actions[0].at("role") == "operator");
  CHECK(actions[0].at("method") == "/orchestrator.Orchestrator/CancelTask");
  CHECK(actions[0].at("request") == "task_id: \"t1\" reason: \"it \\\"hurts\\\"\"");
  CHECK(actions[0].at("peer").as_string().starts_with("ipv4:127.0.0.1"));
  CHECK(f.lines("outcome")[0].at("code") == "OK");
  CHECK(f.lines("outcome")[0].at("of").as_string() == boost::json::string(std::to_string(actions[0].at("seq").as_int64())));
  CHECK(f.lines("outcome")[1].at("code") == "NOT_FOUND");
  CHECK(f.lines("denied").empty());
  CHECK(audit::verify(f.directory).value().whole());
}

TEST_CASE("denials are written, and a flood of them can't rotate the rest away", "[grpc][audit]") {
  Fixture f;
  CHECK(f.cancel("t1", "") == grpc::StatusCode::UNAUTHENTICATED);
  CHECK(f.cancel("t1", f.token(auth::Role::Agent)) == grpc::StatusCode::PERMISSION_DENIED);
  auto denied = f.lines("denied");
  REQUIRE(denied.size() == 2);
  CHECK(denied[0].at("reason").as_string().starts_with("UNAUTHENTICATED: a bearer token"));
  CHECK(denied[1].at("reason") == "PERMISSION_DENIED: role agent may not call /orchestrator.Orchestrator/CancelTask");
  CHECK(f.lines("action").empty());
  for (int i = 0; i < 300; ++i) CHECK(f.call(&orchestrator::Orchestrator::Stub::GetTask, orchestrator::TaskRef(), "Bearer x") == grpc::StatusCode::UNAUTHENTICATED);
  denied = f.lines("denied");
  CHECK(denied.size() < 100);
  CHECK(audit::verify(f.directory).value().whole());
}

TEST_CASE("an action that can't be written does not happen", "[grpc][audit]") {
  Fixture f;
  // Each new file needs the directory; the current one is as full as can be.
  auto small = audit::Log::open({f.temp.path() / "other", 1, 16}, "test", f.clock);
  REQUIRE(small);
  fs::remove_all(f.temp.path() / "other");
  AuditTrail trail(std::move(small.value()), f.registry, f.clock);
  f.server.gate().record_in(trail);
  CHECK(f.cancel("t1", f.token(auth::Role::Operator)) == grpc::StatusCode::UNAVAILABLE);
  CHECK(f.registry.serialize().find("swarm_audit_failures_total 1") != std::string::npos);
  f.server.stop();
}
