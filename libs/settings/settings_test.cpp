#include "libs/settings/settings.hpp"

#include <catch2/catch.hpp>
#include <fstream>

#include "libs/testing/temp_dir.hpp"

using namespace swarm;
using namespace swarm::settings;
using namespace std::chrono_literals;

namespace {

struct Upstream {
  std::string name;
  std::string url;
  Secret key;
};

struct Sample {
  std::string listen = "127.0.0.1:1";
  int threads = 4;
  bool fast = false;
  double share = 0.01;
  std::chrono::milliseconds drain = 20s;
  std::uint64_t body = 1 << 20;
  std::vector<std::string> tags = {"a"};
  std::vector<Upstream> upstreams = {{"default", "http://localhost", {}}};
  std::vector<std::string> rules;
  std::map<std::string, std::string> headers;
  Secret token;
};

void read(Object& root, Sample& s) {
  root.section("grpc", "The gRPC port.", [&](Object& o) {
    o.value("listen", s.listen, "Where to listen.", check_address);
    o.value("threads", s.threads, "Threads.", {1, 64});
  });
  root.value("fast", s.fast, "Be fast.");
  root.value("share", s.share, "A share.", 0, 1);
  root.value("drain_time", s.drain, "Time to finish.", 1s, 1h);
  root.bytes("body_max", s.body, "Largest body.", 1024, 1 << 30);
  root.value("tags", s.tags, "Tags.");
  root.value("headers", s.headers, "Headers.");
  root.secret("token", s.token, "A token.");
  if (root.has("upstreams")) s.upstreams.clear();
  root.map("upstreams", "Where models are.", [&](const std::string& name, Object& o) {
    Upstream& u = s.upstreams.emplace_back();
    u.name = name;
    o.value("url", u.url, "Address.");
    o.secret("key", u.key, "Its key.");
    if (u.url.empty()) o.fault("url", "is missing");
  });
  root.list("rules", "Rules.", [&](Object& o) { o.value("text", s.rules.emplace_back(), "The text."); });
}

/// Loads into `sample` and returns all faults, with the temporary folder's name taken out.
std::string faults(const std::string& yaml, Sources sources, Sample& sample) {
  const swarm::testing::TempDir dir;
  sources.file = (dir.path() / "c.yaml").string();
  std::ofstream(sources.file) << yaml;
  const auto loaded = load(sources, [&](Object& o) { read(o, sample); });
  if (loaded) return "";
  std::string out = loaded.error().message;
  const std::string prefix = dir.path().string() + "/";
  for (auto at = out.find(prefix); at != std::string::npos; at = out.find(prefix)) out.erase(at, prefix.size());
  return out;
}

std::string faults(const std::string& yaml, Sources sources = {}) {
  Sample sample;
  return faults(yaml, std::move(sources), sample);
}

}  // namespace

TEST_CASE("without any source the defaults stay", "[settings]") {
  Sample s;
  REQUIRE(load({}, [&](Object& o) { read(o, s); }));
  CHECK(s.listen == "127.0.0.1:1");
  CHECK(s.upstreams.size() == 1);
  CHECK(faults("") == "");
  CHECK(faults("grpc:\n") == "");
}

TEST_CASE("a file fills every kind of setting", "[settings]") {
  Sample s;
  const std::string yaml = R"(
grpc: {listen: "[::1]:80", threads: 64}
fast: true
share: 0.5
drain_time: 5m
body_max: 64KiB
tags: [x, "y z"]
headers: {a: b}
token: hush
upstreams:
  zeta: {url: http://z, key: k}
  alpha:
    url: http://a
rules:
  - text: one
  - {text: two}
)";
  REQUIRE(faults(yaml, {}, s) == "");
  CHECK(s.listen == "[::1]:80");
  CHECK(s.threads == 64);
  CHECK(s.fast);
  CHECK(s.share == 0.5);
  CHECK(s.drain == 5min);
  CHECK(s.body == 65536);
  CHECK(s.tags == std::vector<std::string>{"x", "y z"});
  CHECK(s.headers.at("a") == "b");
  CHECK(s.token.reveal() == "hush");
  REQUIRE(s.upstreams.size() == 2);
  CHECK(s.upstreams[0].name == "zeta");
  CHECK(s.upstreams[0].key.reveal() == "k");
  CHECK(s.upstreams[1].url == "http://a");
  CHECK(s.rules == std::vector<std::string>{"one", "two"});
}

TEST_CASE("flags beat the environment, which beats the file", "[settings]") {
  Sample s;
  Sources sources;
  sources.environment = {{"SWARM_GRPC_THREADS", "3"}, {"SWARM_SHARE", "0.25"}, {"HOME", "/x"}};
  sources.assignments = {"grpc.threads=7", "grpc.threads=8", "upstreams.z.url=http://flag"};
  REQUIRE(faults("grpc: {threads: 2}\nshare: 0.5\nfast: true\nupstreams: {z: {url: x}}", sources, s) == "");
  CHECK(s.threads == 8);
  CHECK(s.share == 0.25);
  CHECK(s.fast);
  CHECK(s.upstreams[0].url == "http://flag");
}

TEST_CASE("every fault is reported at once with its line", "[settings]") {
  Sources sources;
  sources.environment = {{"SWARM_GRPC_LISTNE", "x"}, {"SWARM_FAST", "maybe"}, {"SWARM_TAGS", "x"}};
  sources.assignments = {"grpc.thread=7", "nonsense", "tags=x"};
  const std::string yaml = R"(grpc:
  listen: nowhere
  threds: 3
  threads: 65
share: lots
drain_time: 5 minutes
body_max: 1KiB
fast: [1]
share: 0.5
tags: x
upstreams:
  z: {}
rules:
  - txt: x
)";
  CHECK(faults(yaml, sources) == R"(c.yaml:2: grpc.listen: is not an address such as 127.0.0.1:8080: nowhere
c.yaml:3: grpc.threds: is not a setting; did you mean threads?
c.yaml:4: grpc.threads: must be 1 to 64, is 65
c.yaml:5: share: is not a number: lots
c.yaml:6: drain_time: is not a duration such as 250ms, 20s, 5m or 1h: 5 minutes
c.yaml:8: fast: must be a single value
c.yaml:9: share: given twice, first in line 5
c.yaml:10: tags: must be a list
c.yaml:12: upstreams.z.url: is missing
c.yaml:14: rules[0].txt: is not a setting; did you mean text?
environment: SWARM_FAST: is neither true nor false: maybe
environment: SWARM_GRPC_LISTNE: is not a setting; did you mean SWARM_GRPC_LISTEN?
environment: SWARM_TAGS: lists and mappings can only be set in the file
--set: must be path=value, is nonsense
--set: grpc.thread: is not a setting; did you mean grpc.threads?
--set: tags: lists and mappings can only be set in the file)");
}

TEST_CASE("names that Kubernetes and our other programs put into the environment are left alone", "[settings]") {
  Sources sources;
  for (const char* name : {"SWARM_GATEWAY_SERVICE_HOST", "SWARM_GATEWAY_SERVICE_PORT", "SWARM_GATEWAY_SERVICE_PORT_HTTP",
                           "SWARM_GATEWAY_PORT", "SWARM_GATEWAY_PORT_8080_TCP", "SWARM_GATEWAY_PORT_8080_TCP_ADDR",
                           "SWARM_CTL_X", "SWARM_SDK_X", "SWARM_DEMO_X", "SWARM_TEST_X"}) {
    sources.environment[name] = "x";
  }
  CHECK(faults("", sources) == "");
  sources.environment = {{"SWARM_GATEWAY_PORT_X_TCP", "x"}};
  CHECK(faults("", sources) == "environment: SWARM_GATEWAY_PORT_X_TCP: is not a setting");
}

TEST_CASE("a secret comes by value, from a file or from a variable, and is never printed", "[settings]") {
  const swarm::testing::TempDir dir;
  const std::string file = (dir.path() / "s").string();
  std::ofstream(file) << "from file\n";
  Sample s;
  CHECK(faults("token_file: " + file, {}, s) == "");
  CHECK(s.token.reveal() == "from file");

  Sources sources;
  sources.environment = {{"MY_TOKEN", "from variable"}};
  CHECK(faults("token_env: MY_TOKEN", sources, s) == "");
  CHECK(s.token.reveal() == "from variable");

  sources.environment["SWARM_TOKEN"] = "stronger";
  CHECK(faults("token_env: MY_TOKEN", sources, s) == "");
  CHECK(s.token.reveal() == "stronger");

  CHECK(faults("token: s3cret\ntoken_env: Y") == "c.yaml:1: token: give one of token, token_file and token_env");
  CHECK(faults("token_env: Y") == "c.yaml:1: token_env: names an environment variable that is not set: Y");
  CHECK(faults("token_file: /no/such") == "c.yaml:1: token_file: names a file that can't be read: /no/such");
}

TEST_CASE("a file that is missing or no YAML says so", "[settings]") {
  Sample s;
  Sources sources;
  sources.file = "/no/such.yaml";
  const auto loaded = load(sources, [&](Object& o) { read(o, s); });
  REQUIRE(!loaded);
  CHECK(loaded.error().message == "/no/such.yaml: no such file");
  CHECK(loaded.error().code == Code::InvalidArgument);
  CHECK(faults("a: [1\nb: 2").find("c.yaml:2: not valid YAML: ") == 0);
  CHECK(faults("- 1") == "c.yaml:1: is not a mapping of settings");
  CHECK(faults("fast: true\n---\nfast: false") == "c.yaml: holds more than one YAML document");
  CHECK(faults("fast:\n") == "c.yaml:1: fast: has no value; write \"\" for an empty text");
}

TEST_CASE("a fault that the service finds without a file has an origin too", "[settings]") {
  Sources sources;
  sources.assignments = {"grpc.listen=192.0.2.1:1"};
  const auto loaded = load(sources, [](Object& root) {
    std::string listen;
    root.section("grpc", "The gRPC port.", [&](Object& o) { o.value("listen", listen, "Where to listen."); });
    root.fault("grpc", "refusing to listen");
  });
  REQUIRE(!loaded);
  CHECK(loaded.error().message == "settings: grpc: refusing to listen");
}

TEST_CASE("describe knows every setting and its default", "[settings]") {
  Sample s;
  std::vector<std::string> lines;
  for (const Description& d : describe([&](Object& o) { read(o, s); })) {
    lines.push_back(d.path + " (" + d.type + ") = " + d.default_text);
  }
  CHECK(lines == std::vector<std::string>{
                     "grpc.listen (text) = 127.0.0.1:1", "grpc.threads (whole number, 1 to 64) = 4",
                     "fast (true or false) = false", "share (number) = 0.01", "drain_time (duration) = 20s",
                     "body_max (bytes) = 1MiB", "tags (list of texts) = a", "headers (mapping of texts) = ",
                     "token (secret) = ", "upstreams (mapping) = ", "upstreams.<name>.url (text) = ",
                     "upstreams.<name>.key (secret) = ", "rules (list) = ", "rules[].text (text) = "});
}

TEST_CASE("an address needs a host and a port", "[settings]") {
  CHECK(check_address("127.0.0.1:0") == "");
  CHECK(check_address("host.example:65535") == "");
  CHECK(check_address("[::1]:1") == "");
  for (const char* bad : {"", ":1", "host", "host:", "host:65536", "host:-1", "::1:80", "http://h:1", "h:1x"}) {
    CHECK(check_address(bad) != "");
  }
  CHECK(check_peer_address("[::1]:10") == "");
  CHECK(check_peer_address("127.0.0.1:0") == "has port 0, where nothing can listen: 127.0.0.1:0");
  CHECK(check_peer_address("127.0.0.1") != "");
  CHECK(check_peer_address_or_empty("") == "");
}
