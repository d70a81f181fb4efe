#include "access.hpp"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "libs/testing/temp_dir.hpp"
#include "program.hpp"
#include "testing/fake_services.hpp"

using namespace swarm;
using namespace swarm::ctl;

namespace {

struct Files {
  /// A CA and a certificate for swarm.example, made by the openssl program.
  void make_certificates() const {
    const std::string script =
        "cd '" + dir.path().string() +
        "' && exec >/dev/null 2>&1 && "
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 1 -subj /CN=ca && "
        "openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout me.key -out me.csr -subj /CN=me && "
        "printf 'subjectAltName=DNS:swarm.example' > ext && "
        "openssl x509 -req -in me.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out me.pem -days 1 -extfile ext";
    REQUIRE(std::system(script.c_str()) == 0);
  }
  std::string path(const std::string& name) const { return (dir.path() / name).string(); }
  std::string text(const std::string& name) const { return read_small_file("", path(name)).value(); }
  void write(const std::string& name, const std::string& content) const { std::ofstream(path(name)) << content; }

  swarm::testing::TempDir dir;
};

struct Run {
  int code = 0;
  std::string out, err;
};

Run swarmctl(const std::vector<std::string>& arguments) {
  std::ostringstream out;
  std::ostringstream err;
  Run run;
  run.code = swarm::ctl::run(arguments, out, err, {});
  run.out = out.str();
  run.err = err.str();
  return run;
}

}  // namespace

TEST_CASE("a token carries what was asked for and the services believe it", "[grpc][access]") {
  const Files files;
  const auto key = auth::PrivateKey::generate("swarm");
  files.write("key", key.pem());
  files.make_certificates();
  const auto made = swarmctl({"token", "--signing-key-file", files.path("key"), "--subject", "coder-1", "--role", "agent", "--team",
                         "blue", "--lifetime", "5m", "--cert", files.path("me.pem")});
  REQUIRE(made.err == "");
  const auto keys = auth::KeySet::parse("{\"keys\":[" + key.jwk_json() + "]}");
  auth::Expectations expected;
  expected.issuer = "swarm";
  expected.audience = "swarm";
  const auto claims = auth::verify(made.out.substr(0, made.out.size() - 1), keys.value(), expected, SystemClock().wall_now());
  REQUIRE(claims.has_value());
  CHECK(claims.value().subject == "coder-1");
  CHECK(claims.value().team == "blue");
  CHECK(claims.value().role == auth::Role::Agent);
  CHECK(claims.value().cert_fingerprint.size() == 64);
  CHECK(claims.value().expires_at - claims.value().issued_at == std::chrono::minutes(5));
}

TEST_CASE("files that can't serve are named with their flag", "[grpc][access]") {
  const Files files;
  files.write("empty", "\n");
  CHECK(swarmctl({"dispatch", "status", "--ca-file", "/no/such"}).err == "swarmctl: --ca-file: can't read /no/such\n");
  CHECK(swarmctl({"dispatch", "status", "--cert-file", "/no/such"}).err == "swarmctl: --cert-file: needs --ca-file\n");
  CHECK(swarmctl({"dispatch", "status", "--token-file", files.path("empty")}).code == 2);
  CHECK(swarmctl({"dispatch", "status", "--signing-key-file", files.path("empty")}).err.find("swarmctl: --signing-key-file: ") == 0);
  CHECK(swarmctl({"token", "--role", "agent", "--subject", "x"}).code == 2);
  CHECK(swarmctl({"token", "--role", "root", "--subject", "x"}).code == 2);
}

TEST_CASE("a token only leaves this machine over TLS", "[grpc][access]") {
  const Files files;
  files.write("token", "abc\n");
  const auto refused = swarmctl({"dispatch", "status", "--token-file", files.path("token"), "--orchestrator", "swarm.example:1"});
  CHECK(refused.code == 2);
  CHECK(refused.err.find("must not go to swarm.example:1 without TLS") != std::string::npos);
  swarm::ctl::testing::FakeSwarm fakes;
  const std::string address = "127.0.0.1:" + std::to_string(fakes.port);
  CHECK(swarmctl({"dispatch", "status", "--token-file", files.path("token"), "--orchestrator", address}).code == 0);
  CHECK(fakes.orchestrator.authorization == "Bearer abc");
}

TEST_CASE("mutual TLS with the name in the certificate", "[grpc][access]") {
  const Files files;
  files.make_certificates();
  grpc::SslServerCredentialsOptions options(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  options.pem_root_certs = files.text("ca.pem");
  options.pem_key_cert_pairs.push_back({files.text("me.key"), files.text("me.pem")});
  swarm::ctl::testing::FakeSwarm fakes(grpc::SslServerCredentials(options));
  const std::string address = "127.0.0.1:" + std::to_string(fakes.port);
  const std::vector<std::string> ask = {"dispatch", "status", "--timeout", "2s", "--orchestrator", address};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), ask.begin(), ask.end());
    return swarmctl(more);
  };
  const std::vector<std::string> full = {"--ca-file",  files.path("ca.pem"), "--cert-file",   files.path("me.pem"),
                                         "--key-file", files.path("me.key"), "--server-name", "swarm.example"};
  const auto good = with(full);
  CHECK(good.err == "");
  CHECK(good.out == "dispatch  running\n");
  const auto wrong_name = with({full.begin(), full.begin() + 6});
  CHECK(wrong_name.code == 1);
  CHECK(with({"--ca-file", files.path("ca.pem"), "--server-name", "swarm.example"}).code == 1);
  const auto plain = with({});
  CHECK(plain.code == 1);
  CHECK(plain.err.find("TLS") != std::string::npos);
  UNSCOPED_INFO(wrong_name.err);
  UNSCOPED_INFO(plain.err);
  CHECK(wrong_name.err.find("--server-name") != std::string::npos);
}
