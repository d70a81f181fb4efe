#include "libs/rpc/security.hpp"

#include <grpcpp/grpcpp.h>

#include <catch2/catch.hpp>

#include <cstdlib>
#include <fstream>

#include "libs/rpc/channel.hpp"
#include "libs/rpc/server.hpp"
#include "libs/rpc/status.hpp"
#include "libs/testing/temp_dir.hpp"
#include "protos/orchestrator.grpc.pb.h"

using namespace swarm;
using namespace swarm::rpc;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view kGetTask = "/orchestrator.Orchestrator/GetTask";

class WhoAmI final : public orchestrator::Orchestrator::CallbackService {
 public:
  explicit WhoAmI(Gate& gate) : gate_(gate) {}
  grpc::ServerUnaryReactor* GetTask(grpc::CallbackServerContext* ctx, const orchestrator::TaskRef*, orchestrator::Task* out) override {
    auto* reactor = ctx->DefaultReactor();
    const auto caller = gate_.admit(*ctx, kGetTask);
    if (caller) out->set_description(caller.value().subject);
    reactor->Finish(caller ? grpc::Status::OK : to_status(caller.error()));
    return reactor;
  }

 private:
  Gate& gate_;
};

/// A CA, a server certificate and a client certificate made by the openssl program.
struct Certificates {
  Certificates() {
    const std::string script = "cd '" + dir.path().string() + "' && exec >/dev/null 2>&1 && "
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 1 -subj /CN=ca && "
        "openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout me.key -out me.csr -subj /CN=localhost && "
        "printf 'subjectAltName=DNS:localhost,IP:127.0.0.1' > ext && "
        "openssl x509 -req -in me.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out me.pem -days 1 -extfile ext";
    REQUIRE(std::system(script.c_str()) == 0);
    settings.tls = {file("me.pem"), file("me.key"), file("ca.pem"), true};
    const auto key = auth::PrivateKey::generate("swarm");
    std::ofstream(file("sign.key")) << key.pem();
    std::ofstream(file("jwks.json")) << "{\"keys\":[" << key.jwk_json() << "]}";
    settings.auth.jwks_file = file("jwks.json");
    settings.auth.signing_key_file = file("sign.key");
  }
  std::string file(const std::string& name) const { return (dir.path() / name).string(); }

  swarm::testing::TempDir dir;
  SecuritySettings settings;
  SystemClock clock;
};

grpc::Status ask(const std::string& address, std::shared_ptr<grpc::ChannelCredentials> credentials, orchestrator::Task& out) {
  auto stub = orchestrator::Orchestrator::NewStub(connect(address, credentials));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + 30s);
  return stub->GetTask(&context, {}, &out);
}

}  // namespace

TEST_CASE("a peer comes in with its certificate and a token of its own; others don't", "[grpc][security]") {
  Certificates c;
  metrics::Registry registry;
  ServerOptions options;
  options.tls = c.settings.tls;
  const auth::AccessTable table{{std::string(kGetTask), {auth::Role::Operator}}};
  Server server(options, registry, make_guard(table, c.settings.auth, c.clock).value());
  WhoAmI service(server.gate());
  server.add(service, orchestrator::Orchestrator::service_full_name());
  REQUIRE(server.start().has_value());

  orchestrator::Task task;
  CHECK(ask(server.address(), channel_credentials(c.settings, "analyst-service", c.clock).value(), task).ok());
  CHECK(task.description() == "analyst-service");

  auto without_token = c.settings;
  without_token.auth.signing_key_file.clear();
  CHECK(ask(server.address(), channel_credentials(without_token, "x", c.clock).value(), task).error_code() ==
        grpc::StatusCode::UNAUTHENTICATED);
  CHECK(ask(server.address(), grpc::InsecureChannelCredentials(), task).error_code() == grpc::StatusCode::UNAVAILABLE);
  grpc::SslCredentialsOptions no_certificate;
  std::ifstream ca(c.file("ca.pem"));
  no_certificate.pem_root_certs.assign(std::istreambuf_iterator<char>(ca), {});
  CHECK(ask(server.address(), grpc::SslCredentials(no_certificate), task).error_code() == grpc::StatusCode::UNAVAILABLE);
}

TEST_CASE("settings that don't fit together are faults", "[grpc][security]") {
  const auto faults = [](std::vector<std::string> assignments) {
    settings::Sources sources;
    sources.assignments = std::move(assignments);
    SecuritySettings out;
    const auto result = settings::load(sources, [&](settings::Object& o) { read_security(o, out); });
    return result ? std::string() : result.error().message;
  };
  CHECK(faults({}).empty());
  CHECK(faults({"tls.cert_file=/nowhere"}).find("go together") != std::string::npos);
  CHECK(faults({"tls.cert_file=/nowhere", "tls.key_file=/nowhere"}).find("no such file: /nowhere") != std::string::npos);
  CHECK(faults({"tls.require_client_cert=true"}).find("needs ca_file") != std::string::npos);
}
