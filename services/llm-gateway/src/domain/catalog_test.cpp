#include "domain/catalog.hpp"

#include <catch2/catch.hpp>

namespace swarm::gateway {
namespace {

TEST_CASE("base URLs are split, with or without the version at the end", "[catalog]") {
  Upstream upstream;
  REQUIRE(set_base_url(upstream, "https://api.example.com/v1"));
  REQUIRE(upstream.tls);
  REQUIRE(upstream.host == "api.example.com");
  REQUIRE(upstream.port == "443");
  REQUIRE(upstream.path_prefix.empty());
  REQUIRE(set_base_url(upstream, "http://127.0.0.1:9000/proxy/v1/"));
  REQUIRE_FALSE(upstream.tls);
  REQUIRE(upstream.port == "9000");
  REQUIRE(upstream.path_prefix == "/proxy");
  REQUIRE(set_base_url(upstream, "http://[::1]:80"));
  REQUIRE(upstream.host == "::1");
  REQUIRE(set_base_url(upstream, "http://[::1]"));
  REQUIRE(upstream.port == "80");
  for (const char* bad : {"api.example.com", "ftp://a", "https://", "http://a:b", "http://a:", "http://a b", "http://u@h",
                          "http://a/?q=1", "http://a\r\nX: y"}) {
    REQUIRE_FALSE(set_base_url(upstream, bad));
  }
}

TEST_CASE("an unknown model is served by the catch-all entry, if there is one", "[catalog]") {
  Model named;
  named.name = "small";
  Model any;
  any.name = "*";
  const Catalog strict({Upstream{}}, {named});
  REQUIRE(strict.find("small")->name == "small");
  REQUIRE(strict.find("other") == nullptr);
  const Catalog open({Upstream{}}, {named, any});
  REQUIRE(open.find("small")->name == "small");
  REQUIRE(open.find("other")->name == "*");
}

TEST_CASE("a route takes its path and what lies below, and no disguise of another one", "[catalog]") {
  Model wide;
  wide.name = "all-audio";
  wide.path = "/v1/audio";
  Model narrow;
  narrow.name = "speech";
  narrow.path = "/v1/audio/speech";
  const Catalog catalog({Upstream{}}, {wide, narrow});
  REQUIRE(catalog.route("/v1/audio/speech")->name == "speech");
  REQUIRE(catalog.route("/v1/audio/transcriptions")->name == "all-audio");
  REQUIRE(catalog.find("speech") == nullptr);
  for (const char* other : {"/v1/audiobooks", "/v1/aud", "/v1/audio/../chat/completions", "/v1/audio//x", "/v1/audio/%2e%2e/x",
                            "/v1/audio/..", "/v1/audio/x\\y", "/v1/audio/x;y", "/v1/rerank", ""}) {
    INFO(other);
    REQUIRE(catalog.route(other) == nullptr);
  }
}

}  // namespace
}  // namespace swarm::gateway
