#include "libs/operations/operations.hpp"

#include <grpcpp/grpcpp.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <latch>

#include "libs/auth/jwt.hpp"
#include "libs/base/sha256.hpp"
#include "libs/lmdb/environment.hpp"
#include "libs/rpc/channel.hpp"
#include "libs/rpc/server.hpp"
#include "libs/telemetry/logging.hpp"
#include "libs/testing/eventually.hpp"
#include "libs/testing/temp_dir.hpp"
#include "protos/operations.grpc.pb.h"

using namespace swarm;
using namespace std::chrono_literals;
namespace fs = std::filesystem;
namespace ops = swarm::operations;

namespace {

using Stub = ::operations::Operations::Stub;

struct KnownKeys final : auth::KeySource {
  explicit KnownKeys(const auth::PrivateKey& key)
      : set(std::make_shared<const auth::KeySet>(auth::KeySet::parse("{\"keys\":[" + key.jwk_json() + "]}").value())) {}
  std::shared_ptr<const auth::KeySet> keys() override { return set; }
  std::shared_ptr<const auth::KeySet> set;
};

struct Fixture {
  explicit Fixture(std::vector<ops::BackupSource> more = {}) : server({}, registry, guard()) {
    std::ofstream(data / "notes.txt") << "first\n";
    fs::create_directory(data / "audit");
    std::ofstream(data / "audit" / "a.jsonl") << std::string(600'000, 'x');
    std::vector<ops::BackupSource> sources = {ops::plain_files(data, "audit")};
    sources.insert(sources.end(), more.begin(), more.end());
    auto mint = std::make_unique<auth::TokenMint>(auth::PrivateKey::from_pem(key.pem(), "k").value(), auth::TokenMint::Options{"swarm", "swarm"}, clock);
    service = ops::make_operations({server.gate(), std::move(mint), "test", data, std::move(sources), clock});
    server.add(*service, ops::operations_name());
    REQUIRE(server.start());
    stub = ::operations::Operations::NewStub(rpc::connect(server.address()));
  }
  ~Fixture() { server.stop(); }

  std::unique_ptr<auth::Guard> guard() {
    return std::make_unique<auth::Guard>(ops::with_operations({}), std::make_unique<KnownKeys>(key), auth::Expectations{"swarm", "swarm", 30s, 900s}, clock);
  }
  std::string token(auth::Role role) {
    auth::Claims claims;
    claims.subject = "ann";
    claims.role = role;
    claims.issuer = "swarm";
    claims.audience = {"swarm"};
    claims.issued_at = clock.wall_now();
    claims.expires_at = clock.wall_now() + 5min;
    return auth::sign(claims, key);
  }
  void prepare(grpc::ClientContext& context, const std::string& bearer) {
    context.set_deadline(std::chrono::system_clock::now() + 30s);
    context.AddMetadata("authorization", "Bearer " + bearer);
  }
  template <class In, class Out>
  grpc::Status call(grpc::Status (Stub::*method)(grpc::ClientContext*, const In&, Out*), const In& in, Out& out, const std::string& bearer) {
    grpc::ClientContext context;
    prepare(context, bearer);
    return ((*stub).*method)(&context, in, &out);
  }
  std::pair<grpc::Status, std::vector<::operations::BackupPart>> backup(const std::string& bearer) {
    grpc::ClientContext context;
    prepare(context, bearer);
    const auto stream = stub->Backup(&context, {});
    std::vector<::operations::BackupPart> parts;
    for (::operations::BackupPart part; stream->Read(&part);) parts.push_back(part);
    return {stream->Finish(), parts};
  }

  testing::TempDir temp;
  fs::path data = temp.path();
  SystemClock clock;
  auth::PrivateKey key = auth::PrivateKey::generate("k");
  metrics::Registry registry;
  rpc::Server server;
  std::unique_ptr<grpc::Service> service;
  std::unique_ptr<Stub> stub;
};

}  // namespace

TEST_CASE("every RPC of Operations stands in the access table, and agents may renew and nothing else", "[access]") {
  const auto table = ops::with_operations({});
  const auto* service = ::operations::Token::descriptor()->file()->FindServiceByName("Operations");
  REQUIRE(service != nullptr);
  CHECK(static_cast<int>(table.size()) == service->method_count());
  for (int i = 0; i < service->method_count(); ++i) {
    const auto name = "/" + service->full_name() + "/" + service->method(i)->name();
    INFO(name);
    REQUIRE(table.contains(name));
    CHECK(table.at(name).contains(auth::Role::Agent) == (service->method(i)->name() == "RenewToken"));
    CHECK(table.at(name).is_audited() == (service->method(i)->name() != "RenewToken"));
  }
}

TEST_CASE("the log's level changes at once, for operators", "[grpc][operations]") {
  Fixture f;
  REQUIRE(log::start("test", "error"));
  ::operations::LogLevel level, out;
  level.set_level("debug");
  CHECK(f.call(&Stub::SetLogLevel, level, out, f.token(auth::Role::Agent)).error_code() == grpc::StatusCode::PERMISSION_DENIED);
  CHECK_FALSE(log::enabled(log::Level::Debug));
  CHECK(f.call(&Stub::SetLogLevel, level, out, f.token(auth::Role::Operator)).ok());
  CHECK(log::enabled(log::Level::Debug));
  level.set_level("loud");
  CHECK(f.call(&Stub::SetLogLevel, level, out, f.token(auth::Role::Operator)).error_code() == grpc::StatusCode::INVALID_ARGUMENT);
  log::stop();
}

TEST_CASE("an agent renews its token and can't make one for somebody else", "[grpc][operations]") {
  Fixture f;
  ::operations::Token made;
  ::operations::MintTokenRequest wish;
  wish.set_subject("coder-1");
  wish.set_role("agent");
  CHECK(f.call(&Stub::MintToken, wish, made, f.token(auth::Role::Agent)).error_code() == grpc::StatusCode::PERMISSION_DENIED);
  REQUIRE(f.call(&Stub::MintToken, wish, made, f.token(auth::Role::Operator)).ok());
  ::operations::Token renewed;
  REQUIRE(f.call(&Stub::RenewToken, ::operations::RenewTokenRequest(), renewed, made.token()).ok());
  const auto keys = auth::KeySet::parse("{\"keys\":[" + f.key.jwk_json() + "]}").value();
  const auto claims = auth::verify(renewed.token(), keys, {"swarm", "swarm"}, f.clock.wall_now());
  REQUIRE(claims);
  CHECK(claims.value().subject == "coder-1");
  CHECK(unix_ms(claims.value().expires_at) / 1000 == renewed.expires_unix_ms() / 1000);
}

TEST_CASE("a backup holds every file with its hash, and leaves nothing behind", "[grpc][operations]") {
  Fixture f;
  const auto [status, parts] = f.backup(f.token(auth::Role::Admin));
  REQUIRE(status.ok());
  REQUIRE(parts.size() >= 6);
  CHECK(parts.front().begin().service() == "test");
  CHECK(parts.front().begin().bytes() == 600'000);
  CHECK(parts.back().end().files() == 1);
  CHECK(parts[1].file().path() == "audit/a.jsonl");
  CHECK(parts[parts.size() - 2].file_end().sha256() == sha256_hex(std::string(600'000, 'x')));
  CHECK(testing::eventually([&] { return !fs::exists(f.data / "backup-in-progress"); }));
  CHECK(f.backup(f.token(auth::Role::Operator)).first.error_code() == grpc::StatusCode::PERMISSION_DENIED);
}

TEST_CASE("one backup at a time, and one that is given up frees the way", "[grpc][operations]") {
  std::latch go(1);
  std::atomic<bool> copying = false;
  const auto slow = [&](const fs::path&) -> Result<void> {
    copying = true;
    go.wait();
    return outcome::success();
  };
  Fixture f({{"slow", [] { return std::uint64_t{0}; }, slow}});
  grpc::ClientContext context;
  f.prepare(context, f.token(auth::Role::Admin));
  const auto stream = f.stub->Backup(&context, {});
  REQUIRE(testing::eventually([&] { return copying.load(); }));
  CHECK(f.backup(f.token(auth::Role::Admin)).first.error_code() == grpc::StatusCode::ABORTED);
  context.TryCancel();
  go.count_down();
  CHECK(stream->Finish().error_code() == grpc::StatusCode::CANCELLED);
  CHECK(testing::eventually([&] { return f.backup(f.token(auth::Role::Admin)).first.ok(); }));
}

TEST_CASE("a backup that does not fit, or that a store fails, says so", "[grpc][operations]") {
  const auto none = [](const fs::path&) -> Result<void> { return outcome::success(); };
  const auto bad = [](const fs::path&) -> Result<void> { return Error{Code::DataLoss, "torn page"}; };
  CHECK(Fixture({{"huge", [] { return ~std::uint64_t{0} / 4; }, none}}).backup("").first.error_code() == grpc::StatusCode::UNAUTHENTICATED);
  Fixture huge({{"huge", [] { return ~std::uint64_t{0} / 4; }, none}});
  CHECK(huge.backup(huge.token(auth::Role::Admin)).first.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED);
  Fixture torn({{"bad", [] { return std::uint64_t{0}; }, bad}});
  CHECK(torn.backup(torn.token(auth::Role::Admin)).first.error_code() == grpc::StatusCode::DATA_LOSS);
  CHECK_FALSE(fs::exists(torn.data / "backup-in-progress"));
}
